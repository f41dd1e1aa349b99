"""Whether a service asks its callers who they are, as captures of real nodes tell it."""

import pytest

from ringfence.assess.check import Verdict
from ringfence.assess.checks import CHECKS
from ringfence.assess.judge import judge_one, results
from ringfence.collect.base import CapturedFile, Problem, Scope
from ringfence.collect.captures import collect_files
from ringfence.estate.estate import estate_of
from tests.collect.test_hosts import ADDRESSES

KUBELET = (
    'tcp LISTEN 0 4096 127.0.0.1:10248 0.0.0.0:* users:(("kubelet",pid=812,fd=20))\n'
    'tcp LISTEN 0 4096 *:10250 *:* users:(("kubelet",pid=812,fd=17))\n'
)
CONFIG = """apiVersion: kubelet.config.k8s.io/v1beta1
authentication:
  anonymous:
    enabled: {anonymous}
  webhook:
    cacheTTL: 0s
    enabled: true
  x509:
    clientCAFile: /etc/kubernetes/pki/ca.crt
authorization:
  mode: Webhook
cgroupDriver: systemd
kind: KubeletConfiguration
"""
CONFIGZ = (
    '{"kubeletconfig":{"enableServer":true,"authentication":{"x509":{"clientCAFile":"/etc/kubernetes/pki/ca.crt"},'
    '"webhook":{"enabled":true,"cacheTTL":"2m0s"},"anonymous":{"enabled":false}},"authorization":{"mode":"Webhook"}}}'
)
FLAGS = 'KUBELET_KUBEADM_ARGS="--container-runtime-endpoint=unix:///run/containerd/containerd.sock {more}"\n'
UNIT = "[Unit]\nDescription=kubelet\n[Service]\nExecStart=/usr/local/bin/kubelet --v=2 {more}\n"


def capture(**files):
    """The estate of one host's files, by the same way as `collect --from`; `__` in a name stands for `/`."""
    told = {"sockets": KUBELET, "ip-addr": ADDRESSES} | {name.replace("__", "/"): text for name, text in files.items()}
    captured = [CapturedFile(f"hosts/a/{name}", text.encode(), 1.0) for name, text in told.items()]
    found = list(collect_files(captured, Scope(cluster="alpha", salt=b"s" * 16)))
    assert not [one for one in found if isinstance(one, Problem)]
    return estate_of(found)


def verdict(estate, name):
    """What one check says of the one thing that it is about."""
    check = next(one for one in CHECKS if one.name == name)
    (one,) = results(estate, judge_one(estate, check))
    return one.verdict


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"var__lib__kubelet__config.yaml": CONFIG.format(anonymous="false")}, Verdict.PASSED),
        ({"var__lib__kubelet__config.yaml": CONFIG.format(anonymous="true")}, Verdict.FAILED),
        ({"kubelet__configz.json": CONFIGZ}, Verdict.PASSED),
        ({"kubelet__configz.json": CONFIGZ.replace('"enabled":false', '"enabled":true')}, Verdict.FAILED),
        ({}, Verdict.UNKNOWN),
        ({"var__lib__kubelet__kubeadm-flags.env": FLAGS.format(more="")}, Verdict.UNKNOWN),
        (
            {
                "var__lib__kubelet__config.yaml": CONFIG.format(anonymous="false"),
                "var__lib__kubelet__kubeadm-flags.env": FLAGS.format(more="--anonymous-auth=true"),
            },
            Verdict.FAILED,
        ),
        (
            {
                "var__lib__kubelet__config.yaml": CONFIG.format(anonymous="true"),
                "etc__default__kubelet": "KUBELET_EXTRA_ARGS=--anonymous-auth=false\n",
            },
            Verdict.PASSED,
        ),
        ({"etc__systemd__system__kubelet.service": UNIT.format(more="--anonymous-auth")}, Verdict.FAILED),
    ],
)
def test_a_kubelet_asks_whom_its_configuration_makes_it_ask(files, says):
    """A flag goes before the file; without either nobody knows. The health port is no door."""
    assert verdict(capture(**files), "kubelet_open") is says


def test_the_read_only_port_asks_nobody():
    """Whatever the configuration says of the other one."""
    socket = 'tcp LISTEN 0 4096 *:10255 *:* users:(("kubelet",pid=812,fd=17))\n'
    files = {"sockets": socket, "var__lib__kubelet__config.yaml": CONFIG.format(anonymous="false")}
    assert verdict(capture(**files), "kubelet_open") is Verdict.FAILED


@pytest.mark.parametrize(
    ("program", "address", "says"),
    [
        ("slurmrestd", "0.0.0.0:6820", Verdict.PASSED),
        ("slurmrestd", "127.0.0.1:6820", Verdict.PASSED),
        ("python3", "0.0.0.0:6820", Verdict.UNKNOWN),
    ],
)
def test_a_slurmrestd_heard_over_tcp_asks_for_a_token(program, address, says):
    """By slurmrestd(8) its other plugin is for UNIX sockets; what only has its port is not taken for it."""
    socket = f'tcp LISTEN 0 128 {address} 0.0.0.0:* users:(("{program}",pid=77,fd=4))\n'
    assert verdict(capture(sockets=socket), "scheduler_rest") is says


def test_without_the_listing_of_sockets_the_scheduler_s_interface_is_unknown():
    """RF-S10 rests on coverage: nobody looked, nobody knows."""
    socket = 'tcp LISTEN 0 128 0.0.0.0:6820 0.0.0.0:* users:(("slurmrestd",pid=77,fd=4))\n'
    estate = capture(sockets=socket)
    left = [one for one in estate.facts() if (one.predicate, one.object) != ("asked", "sockets")]
    assert verdict(estate_of(left), "scheduler_rest") is Verdict.UNKNOWN
