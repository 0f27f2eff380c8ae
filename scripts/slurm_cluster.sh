#!/bin/sh
# usage: slurm_cluster.sh start|stop FOLDER
# SLURM on one node, this machine, without systemd: a controller, a node and munge, in a folder of
# their own, as root. Programs of SLURM find it by SLURM_CONF=FOLDER/slurm.conf. For tests alone.
set -eu
action=$1
mkdir -p "$2"
folder=$(cd "$2" && pwd)

end() { # the process whose number is in a file
    [ -s "$folder/$1.pid" ] || return 0
    number=$(cat "$folder/$1.pid")
    kill "$number" 2>/dev/null || return 0
    for _ in $(seq 100); do
        kill -0 "$number" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -9 "$number" 2>/dev/null || true
}

stop() {
    SLURM_CONF=$folder/slurm.conf timeout 5 scancel --user=root 2>/dev/null || true
    for daemon in slurmd slurmctld munged; do end $daemon; done
}

if [ "$action" = stop ]; then
    stop
    exit 0
fi
[ "$(id -u)" = 0 ] || { echo "slurm_cluster.sh: start it as root" >&2; exit 1; }

# munge wants its folders to be its user's, and nobody else's to write into.
chmod 755 "$folder"
mkdir -p "$folder/spool" "$folder/state"
head -c 1024 /dev/urandom >"$folder/munge.key"
chmod 400 "$folder/munge.key"
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
node=$(hostname -s)
cat >"$folder/slurm.conf" <<CONF
ClusterName=one_node
SlurmctldHost=$node(127.0.0.1)
SlurmUser=root
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MailProg=/bin/true
ReturnToService=2
SchedulerParameters=sched_interval=1
SlurmdParameters=config_overrides
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
NodeName=$node NodeAddr=127.0.0.1 CPUs=4 RealMemory=8000 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
export SLURM_CONF="$folder/slurm.conf"
trap stop EXIT
munged --force --key-file="$folder/munge.key" --socket="$folder/munge.socket" \
    --pid-file="$folder/munged.pid" --log-file="$folder/munged.log" --seed-file="$folder/munged.seed"
slurmctld
slurmd -N "$node"
for _ in $(seq 300); do
    if sinfo --noheader --states=idle --format=%n 2>/dev/null | grep -q .; then
        trap - EXIT
        exit 0
    fi
    sleep 0.1
done
echo "slurm_cluster.sh: the node does not come up; see $folder/slurmctld.log and slurmd.log" >&2
exit 1
