"""What a neighbour on the network may tell a host about its routes."""

from ringfence.assess.harden.measure import Measure, Sysctl

MEASURE = Measure(
    id="RF-X03",
    name="network_paths",
    title="No neighbour changes the routes of a node",
    why="A redirect or a source route leads the traffic of a job, checkpoints included, through somebody else's node.",
    breaks="Networks that rely on ICMP redirects; a node that routes for others.",
    wants=(
        Sysctl("net.ipv4.conf.all.accept_redirects", 0),
        Sysctl("net.ipv4.conf.default.accept_redirects", 0),
        Sysctl("net.ipv4.conf.all.send_redirects", 0),
        Sysctl("net.ipv4.conf.all.accept_source_route", 0),
        Sysctl("net.ipv6.conf.all.accept_redirects", 0),
        Sysctl("net.ipv4.tcp_syncookies", 1, least=True),
    ),
    never="Not strict `rp_filter`: nodes with several rails in one subnet would drop what comes in on the others.",
    topic="network",
    source="Documentation/networking/ip-sysctl.rst of Linux",
)
