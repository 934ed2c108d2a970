"""Flipped bits: many damaged files in one process, so that one must not spoil the next."""
import os
import random

from judge import STATUS, check_messages, execute, stream_info, Case, command, SECONDS

BATCH = 25


def damage(data, seed):
    """Flips from one bit to one in a hundred; now and then only in the first bytes, where the lengths stand."""
    r = random.Random(seed)
    out = bytearray(data)
    reach = min(len(data), 200) if seed % 3 == 0 else len(data)
    for _ in range(max(1, int(reach * 8 * 10 ** r.uniform(-5, -2)))):
        bit = r.randrange(reach * 8)
        out[bit >> 3] ^= 1 << (bit & 7)
    return bytes(out)


def judge_batch(maker, names):
    """(count refused, faults): every operand is one source, each line on stderr one FAIL record."""
    case = Case("", [maker.program, *maker.seed_options, "--", *names], "AE", maker.path)
    r = execute(command(case), maker.path, seconds=SECONDS * max(1, len(names) // 5))
    faults = check_messages(maker.program, r.err)
    if r.timed_out:
        faults.append("no answer in time")
    if r.status not in STATUS or r.status == 2:
        faults.append(f"status {r.status}")
        return 0, faults
    streams, fault = stream_info(r.out)
    if fault or len(streams) != 1:
        return 0, faults + [fault or f"{len(streams)} streams"]
    lines, fails = r.err.splitlines(), streams[0]["fail"]
    failed = [f["source"] for f in fails]
    done = {s["source"] for s in streams[0]["segments"]}
    if len(lines) != len(fails) or (r.status == 0) != (not fails):
        faults.append(f"{len(lines)} lines, {len(fails)} FAIL records, status {r.status}")
    if len(set(failed)) != len(failed) or done | set(failed) != set(range(len(names))):
        faults.append(f"sources with segments {sorted(done)}, failed {failed}, {len(names)} inputs")
    faults += [f"no line names {names[i]}" for i in failed
               if i < len(names) and not any(names[i].encode() in line for line in lines)]
    return len(fails), faults


def blame(maker, names):
    """Which inputs of a failed batch fail alone."""
    guilty = []
    for name in names:
        _, faults = judge_batch(maker, [name])
        if faults:
            guilty.append(f"{name}: " + "; ".join(faults))
    return guilty or ["each passes alone"]


def run_batch(maker, batch):
    sources, seeds = batch
    names = []
    for seed in seeds:
        source = sources[seed % len(sources)]
        stem, suffix = os.path.splitext(source)
        names.append(f"{stem}-{seed}{suffix}")
        maker.write(names[-1], damage(maker.read(source), seed))
    refused, faults = judge_batch(maker, names)
    details = [*faults, *(blame(maker, names) if faults else [])]
    title = f"{maker.program[3:]} flipped bits, seeds {seeds[0]}..{seeds[-1]}: {refused} of {len(names)} refused"
    if not faults:
        for name in names:
            os.unlink(os.path.join(maker.path, name))
    return not faults, title, details


def run(kind, path, project, seeds, pool):
    maker = kind(path, project)
    sources = maker.seeds()
    numbers = [*range(seeds), *(seed for seed in maker.known_seeds if seed >= seeds)]
    batches = [(sources, numbers[at:at + BATCH]) for at in range(0, len(numbers), BATCH)]
    yield from pool.map(lambda batch: run_batch(maker, batch), batches)
