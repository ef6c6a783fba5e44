#!/usr/bin/env python3
"""Convert an expert-distribution dump of sglang into a routing trace of moetop.

    sglang-trace.py DUMP.pt LAYER > trace.ndjson

DUMP.pt comes from a server with --expert-distribution-recorder-mode per_token (topk_ids), or with
per_pass or stat (counts). LAYER counts the model's layers from 0; dense layers have no rows.
"""

import json
import sys


def logical(physical, mapping):
    """Experts that are served twice count as one."""
    return [mapping[expert] for expert in physical]


def per_token(record, layer, mapping):
    """The tokens of a pass; those of a padded batch have -1 and are left out."""
    tokens = [ids for ids in record["topk_ids_of_layer"][layer].tolist() if min(ids) >= 0]
    return {"topk_ids": [logical(ids, mapping) for ids in tokens]} if tokens else None


def per_pass(record, layer, mapping):
    counts = [0] * (max(mapping) + 1)
    for physical, rows in enumerate(record["global_physical_count"][layer].tolist()):
        counts[mapping[physical]] += rows
    return {"counts": counts} if any(counts) else None


def routings(dump, layer):
    if "logical_count" in dump:
        for step in dump["logical_count"]:
            counts = step[layer].tolist()
            if any(counts):
                yield {"counts": counts}
        return
    mapping = dump["last_physical_to_logical_map"][layer].tolist()
    for record in dump["records"]:
        convert = per_token if "topk_ids_of_layer" in record else per_pass
        routing = convert(record, layer, mapping)
        if routing:
            yield {**routing, "forward_pass_id": record["forward_pass_id"]}


def main():
    if len(sys.argv) != 3 or not sys.argv[2].isdigit():
        sys.exit(__doc__)
    import torch

    dump = torch.load(sys.argv[1], map_location="cpu", weights_only=False)
    found = False
    for routing in routings(dump, int(sys.argv[2])):
        found = True
        print(json.dumps(routing, separators=(",", ":")))
    if not found:
        sys.exit(f"{sys.argv[1]}: layer {sys.argv[2]} has no rows: a dense layer, or nothing was recorded")


if __name__ == "__main__":
    main()
