#!/usr/bin/env python3
"""Write the accuracies of 214 random networks of the space DARTS as a table for bnas correlate.

    python3 scripts/darts_table.py 214genotypes.pkl > darts.csv

The file is of Yang, Esperança and Carlucci, "NAS evaluation is frustratingly hard" (ICLR 2020): in the authors' repository, antoyang/NAS-Benchmark
on GitHub, it is Plots/data/modified_search_space/214genotypes.pkl. Each network was trained for 600 epochs on CIFAR-10; the accuracy is that of
its best epoch on the test images. Needs Python alone; of a pickle it reads lists, texts and numbers, and runs nothing.
"""

import argparse
import csv
import pickle
import struct
import sys


class Type:
    """The type of a number of numpy."""

    def __init__(self, name, *_):
        self.name = name

    def __setstate__(self, state):
        pass


def number(kind, data):
    if kind.name != "f8":
        raise pickle.UnpicklingError(f"a number of numpy's type {kind.name}, want f8")
    return struct.unpack("<d", data.encode("latin1") if isinstance(data, str) else data)[0]


class Reader(pickle.Unpickler):
    def find_class(self, module, name):
        known = {("numpy.core.multiarray", "scalar"): number, ("numpy", "dtype"): Type}
        if (module, name) not in known:
            raise pickle.UnpicklingError(f"it has a {module}.{name}: this is another file")
        return known[module, name]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    path = parser.parse_args().file
    try:
        with open(path, "rb") as f:
            networks = [(text.removeprefix("GENOTYPE="), float(accuracy)) for text, accuracy in Reader(f, encoding="latin1").load()]
    except OSError as e:
        sys.exit(str(e))
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError) as e:
        sys.exit(f"{path}: no list of genotypes and accuracies: {e}")
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["arch", "accuracy"])
    out.writerows(networks)


main()
