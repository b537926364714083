#!/bin/bash
# Ray inside of one allocation of Slurm, and a study on it:
#
#     sbatch --nodes=4 --cpus-per-task=16 --time=8:00:00 examples/slurm/ray.sh STUDY
#
# What follows STUDY are options of gridrun local.
#
# Each task of the allocation starts one raylet, the first one the head as well. When the study has
# ended, or the time is nearly over, everything ends; the same command goes on where it was.
#SBATCH --job-name=gridrun-ray
#SBATCH --ntasks-per-node=1
#SBATCH --signal=B:TERM@120
set -euo pipefail

: "${1:?the study directory is missing: sbatch examples/slurm/ray.sh STUDY}"

# whoever knows the token may run programs as you: it is made anew, and only tasks of this job have it
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN
RAY_AUTH_TOKEN=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
export RAY_USAGE_STATS_ENABLED=0

# this script runs on the first node of the allocation, where the head will be
address=$(hostname -I | cut -d' ' -f1)
port=$((20000 + SLURM_JOB_ID % 10000))
export HEAD=$address:$port CPUS=${SLURM_CPUS_PER_TASK:-1}

# Ray's files: on each node's own disk, the path short, as those of sockets have to be
export RAY_TMPDIR=${TMPDIR:-/tmp}/ray-$SLURM_JOB_ID

raylet='
mkdir -p -m 700 "$RAY_TMPDIR"
if [ "$SLURM_PROCID" = 0 ]; then
    exec ray start --block --disable-usage-stats --num-cpus="$CPUS" --head --include-dashboard=false \
        --node-ip-address="${HEAD%:*}" --port="${HEAD##*:}" --temp-dir="$RAY_TMPDIR"
fi
until (: < "/dev/tcp/${HEAD%:*}/${HEAD##*:}") 2>/dev/null; do sleep 1; done
exec ray start --block --disable-usage-stats --num-cpus="$CPUS" --address="$HEAD"
'
srun --cpus-per-task="$CPUS" --kill-on-bad-exit=1 bash -c "$raylet" &
raylets=$!
end() {
    kill -TERM "$raylets" 2>/dev/null || true
    wait "$raylets" || true
    rm -rf "$RAY_TMPDIR"
}
trap end EXIT

until (: < "/dev/tcp/$address/$port") 2>/dev/null; do
    kill -0 "$raylets"  # srun has ended, and said why
    sleep 1
done

# raylets that come later get workers as they come
gridrun local "$@" --address "$HEAD" &
run=$!
trap 'kill -TERM "$run"' TERM  # near the time limit: what has ended is in the ledger
status=0
while kill -0 "$run" 2>/dev/null; do
    wait "$run" && status=0 || status=$?
done
exit "$status"
