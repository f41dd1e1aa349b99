"""Which column holds what Sigma's rules, and the tools that they are written for, call by another name.

        a reader: `Image` of a started process ──▶ process.file.path ◀── a rule that asks for `Image`

One table for both directions, by class: `Image` is the program that a process activity starts, and the acting one
everywhere else. A name that is not in the table of an event's class stands under `unmapped.` as it is.
"""

from collections.abc import Mapping

from ringfence.wire.ocsf import classes

_ACTOR = {
    "Image": "actor.process.file.path",
    "ProcessId": "actor.process.pid",
    "CommandLine": "actor.process.cmd_line",
    "User": "actor.user.name",
}
_FILE = _ACTOR | {"TargetFilename": "file.path", "FileName": "file.path"}
_WEB = {
    "c-uri": "http_request.url",
    "cs-uri-stem": "http_request.url",
    "uri": "http_request.url",
    "cs-method": "http_request.method",
    "method": "http_request.method",
    "c-useragent": "http_request.user_agent",
    "cs-user-agent": "http_request.user_agent",
    "user_agent": "http_request.user_agent",
    "sc-status": "http_response.code",
    "status_code": "http_response.code",
    "cs-host": "dst_endpoint.hostname",
    "host": "dst_endpoint.hostname",
}
_ENDS = {
    "SourceIp": "src_endpoint.ip",
    "SourcePort": "src_endpoint.port",
    "SourceHostname": "src_endpoint.hostname",
    "DestinationIp": "dst_endpoint.ip",
    "DestinationPort": "dst_endpoint.port",
    "DestinationHostname": "dst_endpoint.hostname",
    "Protocol": "connection_info.protocol_name",
    "src_ip": "src_endpoint.ip",
    "src_port": "src_endpoint.port",
    "dst_ip": "dst_endpoint.ip",
    "dst_port": "dst_endpoint.port",
    "id.orig_h": "src_endpoint.ip",
    "id.orig_p": "src_endpoint.port",
    "id.resp_h": "dst_endpoint.ip",
    "id.resp_p": "dst_endpoint.port",
    "proto": "connection_info.protocol_name",
}

NAMES: Mapping[int, Mapping[str, str]] = {
    classes.PROCESS: {
        "Image": "process.file.path",
        "NewProcessName": "process.file.path",
        "CommandLine": "process.cmd_line",
        "CurrentDirectory": "process.working_directory",
        "ProcessId": "process.pid",
        "User": "process.user.name",
        "IntegrityLevel": "process.integrity",
        "OriginalFileName": "process.original_file_name",
        "Hashes": "process.hashes",
        "ParentImage": "actor.process.file.path",
        "ParentProcessName": "actor.process.file.path",
        "ParentProcessId": "actor.process.pid",
        "ParentCommandLine": "actor.process.cmd_line",
        "ParentUser": "actor.user.name",
    },
    classes.FILE: _FILE | {"Hashes": "file.hashes"},
    classes.MODULE: _ACTOR
    | {"ImageLoaded": "module.file.path", "Hashes": "module.file.hashes", "Signed": "module.signed"},
    classes.KERNEL_EXTENSION: {
        "ImageLoaded": "module.file.path",
        "Hashes": "module.file.hashes",
        "Signed": "module.signed",
    },
    classes.REGISTRY_KEY: _ACTOR | {"TargetObject": "reg_key.path"},
    classes.REGISTRY_VALUE: _ACTOR | {"TargetObject": "reg_key.path", "Details": "reg_value.data"},
    classes.NETWORK: _ACTOR | _ENDS,
    classes.SSH: _ENDS,
    classes.DNS: _ACTOR
    | _ENDS
    | {
        "QueryName": "query.hostname",
        "query": "query.hostname",
        "qtype_name": "query.type",
        "record_type": "query.type",
        "QueryResults": "answers",
        "answers": "answers",
    },
    classes.HTTP: _ENDS | _WEB,
    classes.MEMORY: {},
    classes.SCRIPT: {},
    classes.AUTHENTICATION: {"TargetUserName": "user.name", "IpAddress": "src_endpoint.ip"},
    classes.API: {
        "verb": "api.operation",
        "auditID": "api.request.uid",
        "objectRef.resource": "resource.type",
        "objectRef.name": "resource.name",
        "objectRef.namespace": "resource.namespace",
        "user.username": "actor.user.name",
        "userAgent": "http_request.user_agent",
        "requestURI": "http_request.url",
        "responseStatus.code": "http_response.code",
    },
}
"""Class → name → column. The first name of a column is Sigma's own where it has one."""
