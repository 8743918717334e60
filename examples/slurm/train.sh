#!/usr/bin/env bash
# A training on eight GPUs of two machines, in pieces of a day: sbatch train.sh [DIR [flags of bnas train]]; then docs/cluster.md.
# Five minutes before its time is over bnas saves a checkpoint and ends with 75; the job goes into the queue again, and resumes the run.
#SBATCH --job-name=bnas
#SBATCH --output=%x-%j.log
#SBATCH --open-mode=append
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=4
#SBATCH --gpus-per-node=4
#SBATCH --cpus-per-task=4
#SBATCH --time=24:00:00
#SBATCH --signal=B:USR1@300
#SBATCH --requeue
set -euo pipefail

run=${1:-runs/fair}
shift $(($# > 0))
most=100 # times that the job goes into the queue again
[ $# -gt 0 ] || set -- --device gpu --data fashion --shards 8
if [ -e "$run/config.yaml" ]; then
  set -- --resume "$run"
else
  set -- "$@" --out "$run"
fi

# Where Slurm has PMIx it starts the processes itself. Each has the cores of its task. The list is read to its end: "grep -q" would end srun.
types=$(srun --mpi=list 2>&1) || types=
if [[ $types == *pmix* ]]; then
  start=(srun --mpi=pmix --cpus-per-task="${SLURM_CPUS_PER_TASK:-1}")
else
  start=(mpirun --bind-to none)
fi
"${start[@]}" bnas train "$@" --threads "${SLURM_CPUS_PER_TASK:-1}" &
processes=$!

# srun and mpirun pass the signal on to every process.
pass_on() {
  trap '' USR1
  kill -USR1 "$processes"
  told=1
}
told=
trap pass_on USR1
status=0
wait "$processes" || status=$?
if [ -n "$told" ]; then # the signal has ended the wait
  status=0
  wait "$processes" || status=$?
fi
if [ "$status" -eq 75 ] && [ "${SLURM_RESTART_COUNT:-0}" -lt "$most" ]; then
  scontrol requeue "$SLURM_JOB_ID" # ends this script
fi
exit "$status"
