#!/bin/sh
# Installs the Debian packages whose real parts the tests start: opensm on ibsim, Slurm, sshd, Chromium.
# Needs root. Starts nothing: the tests run every part in a folder of their own, on loopback.
set -eu

[ "$(id -u)" = 0 ] || { echo "run as root: sudo make setup-system" >&2; exit 1; }
export DEBIAN_FRONTEND=noninteractive

# Package scripts would start services; nothing here wants them.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' > "$policy"
  chmod 755 "$policy"
  trap 'rm -f "$policy"' EXIT
fi

apt-get update -qq
apt-get install -y -qq --no-install-recommends \
  make git python3-venv \
  opensm ibsim-utils libumad2sim0 infiniband-diags \
  munge slurmctld slurmd slurm-client slurmrestd slurm-wlm-basic-plugins \
  slurmdbd mariadb-server slurm-wlm-mysql-plugin \
  openssh-server openssh-client iproute2 \
  nftables libnftables1 conntrack \
  chromium chromium-driver \
  nats-server \
  dash strace lynis

# Debian's kubectl does not install over another one.
command -v kubectl >/dev/null || apt-get install -y -qq --no-install-recommends kubernetes-client
