"""One sample of each form, written by us from the documentation that the readers name; nothing here was recorded."""

import msgspec

from ringfence.wire.ocsf import classes

SYSMON = {
    "Event": {
        "#attributes": {"xmlns": "http://schemas.microsoft.com/win/2004/08/events/event"},
        "System": {
            "Provider": {"#attributes": {"Name": "Microsoft-Windows-Sysmon", "Guid": "1"}},
            "EventID": 1,
            "TimeCreated": {"#attributes": {"SystemTime": "2026-01-02T03:04:05.123456Z"}},
            "Channel": "Microsoft-Windows-Sysmon/Operational",
            "Computer": "WS1.corp.example",
        },
        "EventData": {
            "ProcessId": 42,
            "Image": "C:\\Windows\\System32\\sc.exe",
            "CommandLine": "sc stop x",
            "ParentImage": "C:\\Windows\\System32\\cmd.exe",
            "User": "CORP\\alice",
            "Hashes": "MD5=00",
            "Company": "Contoso",
        },
    }
}
WINLOGBEAT = {
    "@timestamp": "2026-01-02T03:04:05.123Z",
    "message": "An account failed to log on.",
    "winlog": {
        "channel": "Security",
        "event_id": 4625,
        "provider_name": "Microsoft-Windows-Security-Auditing",
        "computer_name": "dc1.corp.example",
        "event_data": {"TargetUserName": "bob", "IpAddress": "10.9.9.9", "LogonType": "3"},
    },
}
FALCO = {
    "hostname": "gpu0001",
    "output": "03:04:05 Warning A shell in a container",
    "priority": "Warning",
    "rule": "Terminal shell in container",
    "source": "syscall",
    "tags": ["container", "shell"],
    "time": "2026-01-02T03:04:05.123456789Z",
    "output_fields": {
        "evt.type": "execve",
        "proc.pid": 12,
        "proc.name": "bash",
        "proc.cmdline": "bash -i",
        "proc.pname": "runc",
        "user.name": "root",
        "container.name": "trainer",
        "k8s.pod.name": "trainer-0",
    },
}
TETRAGON = {
    "process_kprobe": {
        "process": {
            "pid": 77,
            "uid": 0,
            "cwd": "/",
            "binary": "/usr/bin/curl",
            "arguments": "http://203.0.113.9/x",
            "auid": 1000,
            "pod": {"namespace": "ml", "name": "t-0", "container": {"name": "c", "image": {"name": "img"}}},
        },
        "parent": {"pid": 1, "binary": "/bin/bash"},
        "function_name": "tcp_connect",
        "args": [
            {
                "sock_arg": {
                    "protocol": "IPPROTO_TCP",
                    "saddr": "10.0.0.1",
                    "daddr": "203.0.113.9",
                    "sport": 4,
                    "dport": 80,
                }
            }
        ],
        "policy_name": "connects",
    },
    "node_name": "gpu0001",
    "time": "2026-01-02T03:04:05.123456789Z",
}
SURICATA = {
    "timestamp": "2026-01-02T03:04:05.123456+0000",
    "flow_id": 5,
    "event_type": "flow",
    "src_ip": "10.0.0.1",
    "src_port": 4000,
    "dest_ip": "203.0.113.9",
    "dest_port": 443,
    "proto": "TCP",
    "flow": {"pkts_toserver": 3, "pkts_toclient": 4, "bytes_toserver": 500, "bytes_toclient": 700, "state": "closed"},
}
ZEEK_JSON = {
    "_path": "conn",
    "ts": 1767323045.5,
    "uid": "C1",
    "id.orig_h": "10.0.0.1",
    "id.orig_p": 4000,
    "id.resp_h": "10.0.0.2",
    "id.resp_p": 22,
    "proto": "tcp",
    "conn_state": "SF",
    "orig_bytes": 500,
    "resp_bytes": 700,
}
ZEEK = (
    "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tdns\n"
    "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tquery\tqtype_name\tanswers\trejected\n"
    "#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\tstring\tvector[string]\tbool\n"
    "1767323045.500000\tC2\t10.0.0.1\t5353\t10.0.0.53\t53\tudp\tlong\\x09name.example\tTXT\tone,two\tT\n"
)
AUDIT = {
    "kind": "Event",
    "apiVersion": "audit.k8s.io/v1",
    "level": "Metadata",
    "auditID": "b2",
    "stage": "ResponseComplete",
    "requestURI": "/api/v1/namespaces/ml/secrets",
    "verb": "list",
    "user": {"username": "system:anonymous", "groups": ["system:unauthenticated"]},
    "sourceIPs": ["10.9.9.9"],
    "userAgent": "curl/8",
    "objectRef": {"resource": "secrets", "namespace": "ml", "apiVersion": "v1"},
    "responseStatus": {"code": 403},
    "requestReceivedTimestamp": "2026-01-02T03:04:05.123456Z",
}
OTLP = {
    "resourceLogs": [
        {
            "resource": {
                "attributes": [
                    {"key": "service.name", "value": {"stringValue": "loader"}},
                    {"key": "host.name", "value": {"stringValue": "gpu0001"}},
                ]
            },
            "scopeLogs": [
                {
                    "scope": {"name": "io"},
                    "logRecords": [
                        {
                            "timeUnixNano": "1767323045123456789",
                            "severityNumber": 17,
                            "severityText": "ERROR",
                            "body": {"stringValue": "checksum differs"},
                            "attributes": [{"key": "shard", "value": {"intValue": "7"}}],
                        },
                        {"timeUnixNano": "1767323046000000000", "body": {"stringValue": "second"}},
                    ],
                }
            ],
        }
    ]
}
JOURNAL = {
    "__REALTIME_TIMESTAMP": "1767323045123456",
    "_HOSTNAME": "gpu0001",
    "_TRANSPORT": "syslog",
    "SYSLOG_IDENTIFIER": "sshd",
    "_COMM": "sshd",
    "_PID": "812",
    "PRIORITY": "6",
    "MESSAGE": "Accepted publickey for alice from 10.0.0.9 port 50122 ssh2: ED25519 SHA256:abc",
}
AGENT = {
    "class_uid": classes.PROCESS,
    "activity_id": 1,
    "time": 1767323045000000,
    "device.hostname": "gpu0001",
    "seq": 7,
    "process.name": "python3",
    "process.pid": 12,
}
AUDITD = (
    "node=gpu0001 type=SYSCALL msg=audit(1767323045.123:456): arch=c000003e syscall=59 success=yes exit=0 a0=55d "
    'a1=55e items=2 ppid=10 pid=11 auid=1000 uid=0 ses=3 comm="bash" exe="/usr/bin/bash" key="x"\x1dSYSCALL=execve '
    'AUID="alice" UID="root"\n'
    'node=gpu0001 type=EXECVE msg=audit(1767323045.123:456): argc=3 a0="bash" a1="-c" a2=6375726C2078\n'
    'node=gpu0001 type=CWD msg=audit(1767323045.123:456): cwd="/root"\n'
    'node=gpu0001 type=PATH msg=audit(1767323045.123:456): item=0 name="/usr/bin/bash" nametype=NORMAL\n'
    "node=gpu0001 type=PROCTITLE msg=audit(1767323045.123:456): proctitle=62617368002D63\n"
)
SYSLOG = (
    "<86>1 2026-01-02T03:04:05.123456Z gpu0001.example sshd 812 - - Accepted publickey for alice from 10.0.0.9 "
    "port 50122 ssh2: ED25519 SHA256:abc\n"
)
CISCO = (
    "172.16.5.10 6705: Feb 17 13:40:03.673: %PARSER-5-CFGLOG_LOGGEDCMD: User:admin  logged command:no aaa new-model\n"
)
OPENSM = "Jan 02 03:04:05 123456 [7F3C2700] 0x80 -> Entering MASTER state\n"
SLURMCTLD = (
    "[2026-01-02T03:04:05.678] _slurm_rpc_submit_batch_job: JobId=4711 InitPrio=1 usec=123\n"
    "[2026-01-02T03:04:06.000] sched: Allocate JobId=4711 NodeList=gpu[0001-0002,0007] #CPUs=96 Partition=train\n"
)


def lines(*records: object) -> bytes:
    """Records as JSON, one a line."""
    return b"".join(msgspec.json.encode(record) + b"\n" for record in records)


OBJECTS = {
    "windows-json": SYSMON,
    "falco": FALCO,
    "tetragon": TETRAGON,
    "suricata": SURICATA,
    "zeek": ZEEK_JSON,
    "kubernetes-audit": AUDIT,
    "otlp": OTLP,
    "agent": AGENT,
    "journal": JOURNAL,
}
TEXTS = {"auditd": AUDITD, "syslog": SYSLOG, "opensm": OPENSM, "slurmctld": SLURMCTLD, "zeek": ZEEK}

SAMPLES: list[tuple[str, bytes]] = [
    *((name, lines(record)) for name, record in OBJECTS.items()),
    *((name, text.encode()) for name, text in TEXTS.items()),
    ("windows-json", lines(WINLOGBEAT)),
    ("syslog", CISCO.encode()),
]
