# A step of a job does this on a node that sees nothing of the machine where jobs are submitted: it takes
# a shard in, and gives back what came of it. It needs a shell and GNU's tools, nothing of gridrun.
# Standard input and output are archives, each with the digests of its files.
# Arguments: directory of the shard on this node, name of the sweep, name of the shard, and
#   bring  the job runs: make the directory if it is missing
#   take   the job runs, and nothing is to be brought
#   clear  the job is over
# Exit code 3: there is no such directory.
set -eu
export PATH=/usr/local/bin:/usr/bin:/bin LC_ALL=C
umask 077
place=$1 sweep=$2 shard=$3 mode=$4

if [ "$mode" != bring ] && [ ! -e "$place" ]; then
    cat > /dev/null
    exit 3
fi
mkdir -p "$place"
if [ -L "$place" ] || [ ! -O "$place" ]; then
    echo "$place on this node belongs to somebody else" >&2
    exit 1
fi
cd "$place"
pack=$(mktemp -d .pack-XXXXXXXX)
trap 'rm -rf "$place/$pack"' EXIT
tar -x -m -f - -C "$pack"
(cd "$pack" && sha256sum --quiet -c sums) >&2

[ ! -d "$pack/queue" ] || [ -d "$sweep" ] || mv "$pack/queue" "$sweep"
[ ! -e "$pack/cancelled" ] || touch cancelled
[ ! -e cancelled ] || [ ! -d "$sweep" ] || touch "$sweep/cancelled"
mv -f "$pack/have" have

reply=$pack/reply
mkdir "$reply"
# how it stands is read first, the manifest second: what they speak of is there by then
state=running
[ -d "$sweep" ] || state=lacks
[ ! -e over ] && [ "$mode" != clear ] || state=over
out=$sweep/out/$shard
if [ -d "$out" ]; then
    manifest=
    [ ! -e "$out/manifest.json" ] || manifest=manifest.json
    (cd "$out" && ls | grep -x 'segment-.*\.jsonl' || true) > "$pack/all"
    [ -z "$manifest" ] || echo "$manifest" >> "$pack/all"
    grep -vxFf have "$pack/all" > "$pack/lacking" || true
    while read -r name; do cp "$out/$name" "$reply"; done < "$pack/lacking"
    [ ! -e "$out/error.txt" ] || cp "$out/error.txt" "$reply"
fi
[ ! -e job.txt ] || tail -c 200000 job.txt > "$reply/job.txt"
if [ "$state" = over ] && [ ! -s "$pack/lacking" ]; then state=removed; fi
echo "$state" > "$reply/state"
(cd "$reply" && sha256sum -- * > ../sums && mv ../sums sums)
tar -c -f - -C "$reply" .
[ "$state" != removed ] || rm -rf "$place"
