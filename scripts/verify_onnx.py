#!/usr/bin/env python3
"""Check exported ONNX networks of trained supernets against bnas: the official checker, and the logits by onnxruntime.

    scripts/with-python.sh onnx-requirements.txt python3 scripts/verify_onnx.py --bnas bin/bnas

For each space and placement it trains a supernet of the space's depth for two steps and takes random architectures. bnas exports
each with the statistics of training images, BatchNorms folded or not, and traces the same network in float64. The largest
deviation of a logit, relative to the largest logit, must be within 1e-4.

Exit status: 0 all agree, 1 not.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from safetensors.numpy import load_file

TOLERANCE = 1e-4
# Sizes that keep a space's pass in float64 within seconds, where its own are larger.
SIZES = {"bn-nas": (64, 8), "proxylessnas": (64, 8), "fairnas": (64, 8), "nas-bench-101": (32, 16)}


def bnas(options, *arguments):
    done = subprocess.run([options.bnas, *arguments, "--quiet"], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{options.bnas} {' '.join(arguments)}: exit status {done.returncode}\n{done.stderr}")
    return done.stdout


def architectures(options, folder):
    """Random ones of the run in a folder."""
    scored = json.loads(bnas(options, "score", "--run", folder, "--sample", str(options.architectures), "--terms", "params", "--json"))
    return [row["arch"] for row in scored["scores"]]


def deviations(options, folder, arch, images):
    """The deviation of the model as it is, and folded."""
    same = ["--run", str(folder / "run"), "--calibration-images", "64"]
    bnas(options, "trace", arch, *same, "--statistics", "frozen", "--images", str(folder / "x.npy"), "--labels", str(folder / "y.npy"),
         "-o", str(folder / "trace"))
    want = load_file(folder / "trace")["logits"]
    for fold in ([], ["--fold"]):
        model = str(folder / "net.onnx")
        bnas(options, "export", arch, *same, *fold, "-o", model)
        onnx.checker.check_model(model, full_check=True)
        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        logits, = session.run(None, {"images": images})
        yield float(np.abs(logits - want).max() / np.abs(want).max())


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--bnas", required=True, help="the program")
    p.add_argument("--space", action="append", help="may be repeated; default all")
    p.add_argument("--image-channels", type=int, default=3, choices=[1, 3])
    p.add_argument("--architectures", type=int, default=2, help="of each space and placement")
    options = p.parse_args()
    spaces = options.space or [row["name"] for row in json.loads(bnas(options, "space", "list", "--json"))["spaces"]]
    bad = 0
    for space in spaces:
        size, channels = SIZES.get(space, (32, 16))
        for bn in ("standard", "fair"):
            with tempfile.TemporaryDirectory() as name:
                folder = pathlib.Path(name)
                images = np.random.default_rng(0).standard_normal((3, options.image_channels, size, size)).astype(np.float32)
                np.save(folder / "x.npy", images)
                np.save(folder / "y.npy", np.arange(3))
                bnas(options, "train", "--space", space, "--bn", bn, "--gamma-init", "uniform", "--height", str(size), "--width", str(size),
                     "--channels", str(channels), "--image-channels", str(options.image_channels), "--classes", "10", "--steps", "2", "--batch", "16", "--rank-every", "0",
                     "--out", str(folder / "run"))
                worst = np.zeros(2)
                for arch in architectures(options, str(folder / "run")):
                    worst = np.maximum(worst, list(deviations(options, folder, arch, images)))  # NaN stays
                agrees = all(worst <= TOLERANCE)
                bad += not agrees
                print(f"{space:16} {bn:9} {worst[0]:.1e}  folded {worst[1]:.1e}{'' if agrees else '  DISAGREES'}", flush=True)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
