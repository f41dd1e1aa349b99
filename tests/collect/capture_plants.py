"""Files with a planted secret in every place that once let one through; `@N` becomes a token of its own."""

import re

CRON = r"""SHELL=/bin/sh
MYSQL_PWD=@0
17 * * * * root cd / && run-parts --report /etc/cron.hourly
25 6 * * * root test -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.daily; }
* * * * * root mysqldump -p@1 db
* * * * * root /usr/bin/sshpass -p @2 ssh x
* * * * * root sshpass -p /@3 ssh x
* * * * * root /usr/bin/curl -u bob:@4 https://x
@reboot root redis-server --requirepass @5
* * * * * root /opt/x --token=@6 --password "a ; /@7"
* * * * * alice /bin/bash /opt/health/check.sh @8 >/dev/null
* * * * * root echo 'a ; /@9' ; /opt/after
# * * * * * root /opt/no @10
@11 * * * * * root /opt/odd
*/5 * * * * root PGPASSWORD=@12 /opt/dump --x=/@13
"""
UNIT = r"""[Unit]
Description=@0
[Service]
User=alice
Type=simple
Environment=WANDB_KEY=@1
Environment="RAY_AUTH_MODE=token" "X=@2"
EnvironmentFile=/etc/@3
ExecStartPre=-/bin/bash /opt/pre.sh @4
ExecStart=/usr/bin/python3 -m mlflow server \
  --admin-secret @5 \
  User=@6 \
  --app-name=basic-auth @7
ExecStop=/bin/sh -c 'kill @8'
ExecReload=X=@9
[@10]
PassEnvironment=@11
"""
CMDLINE = 'BOOT_IMAGE=/@0 luks.key=@1 rd.password=@2 intel_iommu=on pci="noacs" mitigations=off,$@3 nosmt @4 iommu=pt\n'
JUPYTER = r"""# c.ServerApp.token = '@0'
c.ServerApp.password = u'argon2:@1'
c.ServerApp.token = b'@2'
c.IdentityProvider.token = (
    '@3'
)
c.PasswordIdentityProvider.hashed_password = \
    "@4"
c.LabApp.token = u''  # empty
c.ServerApp.password = None
c.ServerApp.ip = '0.0.0.0'
c.NotebookApp.ip = '@5'
c.ServerApp.port = 8889 # @6
c.ServerApp.allow_root = True
c.Other.password = '''
@7
'''
c.ServerApp.port = 8889@8
"""
JUPYTER_JSON = r"""{"ServerApp": {"password": "a\"@0", "token": "", "hashed_password":
  "argon2:@1", "ip": "*", "port": 8888, "allow_root": false, "x": {"token": "@2"}, "jpserver_extensions": ["@3"]},
 "@4": {"token": ""}, "IdentityProvider": {"token": ["@5"], "port": "@6"}, "LabApp": {"token": @7
"""


def _planted(text: str, name: str) -> str:
    return re.sub(r"@(\d+)", rf"PLANTED{name}\1x", text)


SAMPLES = {
    "cron": (_planted(CRON, "cron"), "etc/cron.d/jobs"),
    "unit": (_planted(UNIT, "unit"), "etc/systemd/system/z.service"),
    "cmdline": (_planted(CMDLINE, "cmdline"), "proc/cmdline"),
    "jupyter": (_planted(JUPYTER, "jupyter"), "home/alice/.jupyter/jupyter_notebook_config.py"),
    "json": (_planted(JUPYTER_JSON, "json"), "home/alice/.jupyter/jupyter_server_config.json"),
}
"""(content, path below the root) by filter; "json" is Jupyter's other form."""

PLANTS = tuple(token for text, _ in SAMPLES.values() for token in re.findall(r"PLANTED\w+?x", text))
