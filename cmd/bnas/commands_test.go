package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bnas.example/cluster"
	"bnas.example/kernels/cpu"
	"bnas.example/philox"
)

const (
	cellArch = "|nor_conv_3x3~0|+|skip_connect~0|none~1|+|avg_pool_3x3~0|none~1|nor_conv_1x1~2|"
	netFlags = "--channels 4 --cells 1 --height 8 --width 8"
	ownFlags = netFlags + " --batch 4 --steps 2 --test-images 8"
	fewFlags = "--images 8 --ntk-images 2"
)

// commandCase is a command line and its expected results. RUN is replaced by the folder of a trained run, DIR by a folder
// for output, ARCH by cellArch.
type commandCase struct {
	args   string
	code   int
	stdout string            // a part of it
	stderr string            // a part of it
	values map[string]string // with --json: values at the top level, as JSON
	file   string            // that the command has written
	holds  []string          // parts of it
	slow   bool              // takes seconds where the reference is the only device
}

// commandCases has cases for each command, in an order in which later ones find the files of earlier ones.
var commandCases = []commandCase{
	{args: "run " + netFlags + " " + fewFlags + " --steps 6 --batch 8 --rank-every 3 --calibration 3 --max-evaluations 4 --out RUN --json",
		values: map[string]string{"dir": `"RUN"`, "report": `"RUN/report.html"`}, file: "RUN/result.json", stderr: "msg=train"},
	{args: "run --out RUN", code: exitUsage, stderr: "bnas: RUN holds a run already; go on with --resume RUN, or name another folder with --out\n"},
	{args: "run --resume RUN --quiet", stdout: "next    bnas export --run RUN '|"},
	{args: "run --resume RUN --out DIR/x", code: exitUsage, stderr: "bnas: --out cannot be given with --resume: the run stays in RUN\n"},
	{args: "run --calibration 1", code: exitUsage, stderr: "bnas: --calibration 1: must be 2…1000000\n"},

	{args: "train " + netFlags + " --steps 2e0 --batch 4 --rank-every 0 --out DIR/trained --json",
		values: map[string]string{"step": "2", "total": "2", "settled": "false"}, file: "DIR/trained/checkpoint"},
	{args: "train " + netFlags + " --steps 2 --batch 4 --rank-every 0 --train all --sampling fixed --path mixed --weight-decay-weights 5e-4 --out DIR/fixed --json",
		values: map[string]string{"step": "2"}, file: "DIR/fixed/checkpoint"},
	{args: "train --sampling fixed --out DIR/x", code: exitUsage, stderr: "bnas: --path is missing: --sampling fixed needs an architecture\n"},
	{args: "train --path mixed --out DIR/x", code: exitUsage, stderr: "--sampling uniform draws its own; only fixed has an architecture\n"},
	{args: "train --sampling fixed --path 22212220 --out DIR/x", code: exitUsage, stderr: "bnas: --path \"22212220\": nas-bench-201 has the architectures 0…15624\n"},
	{args: "train --weight-decay-weights 5e-4 --out DIR/x", code: exitUsage, stderr: "bnas: --weight-decay-weights has an effect only with --train all or bn+classifier\n"},
	{args: "retrain ARCH mixed " + ownFlags + " --ema 0.5 --out DIR/own --json",
		values: map[string]string{"dir": `"DIR/own"`, "recipe": `"nas-bench-201"`, "table": `"DIR/own/retrained.csv"`}, file: "DIR/own/retrained.csv"},
	{args: "retrain 11|1|3 --space nas-bench-101 " + ownFlags + " --out DIR/own101", stdout: "TEST", stderr: "a first step at a rate of 0",
		file: "DIR/own101/1/config.yaml", holds: []string{"optimizer: rmsprop", "beta2: 0.9", "eps: 1", "lr: 0.2", "bn_momentum: 0.003", "weight_decay: 0.0001"}},
	{args: "retrain mixed --eps 1 " + ownFlags + " --out DIR/x", code: exitUsage, stderr: "bnas: --eps has an effect only with --optimizer adamw or rmsprop\n"},
	{args: "retrain --resume DIR/own --quiet", stdout: "TEST", file: "DIR/own/2/retrained.json"},
	{args: "retrain --from RUN --top 1 --batch 4 --steps 1 --test-images 4 --out DIR/found --quiet", stdout: "next   bnas export --run DIR/found/1 -o network.py\n", file: "DIR/found/1/retrained.json"},
	{args: "retrain --index 9,11-12 " + ownFlags + " --max-time 1ns --out DIR/owncut", code: exitInterrupted, stderr: "time budget is used up; the checkpoint is written; to go on: bnas retrain --resume DIR/owncut\n"},
	{args: "retrain all3x3 --space nas-bench-101 --recipe nas-bench-101 --out DIR/x", code: exitUsage, stderr: "bnas: argument \"all3x3\": "},
	{args: "retrain --out DIR/x", code: exitUsage, stderr: "bnas: name the architectures in one way: "},
	{args: "retrain all3x3 --top 2 --out DIR/x", code: exitUsage, stderr: "bnas: --top has an effect only with --from\n"},
	{args: "retrain --from RUN --top 1000 --out DIR/x", code: exitUsage, stderr: "bnas: --top 1000: RUN/result.json has the best "},
	{args: "retrain --from DIR/trained --out DIR/x", code: exitFailure, stderr: "bnas: DIR/trained has no result.json; bnas search --run DIR/trained makes it\n"},
	{args: "retrain --from DIR --out DIR/x", code: exitFailure, stderr: "is not a run folder"},
	{args: "retrain all3x3 --recipe best --out DIR/x", code: exitUsage, stderr: "bnas: --recipe \"best\": there is bn-nas, darts, nas-bench-101, nas-bench-201, nas-bench-201-12 and nas-bench-macro\n"},
	{args: "retrain --index 5-3 --out DIR/x", code: exitUsage, stderr: "bnas: --index \"5-3\": \"5-3\" is no index and no range I-J\n"},
	{args: "retrain --index 1-15625 --out DIR/x", code: exitUsage, stderr: "bnas: --index \"1-15625\": nas-bench-201 has the architectures 0…15624\n"},
	{args: "retrain --index 3 --space bn-nas --out DIR/x", code: exitUsage, stderr: "bnas: --index: the architectures of bn-nas have no indices\n"},
	{args: "retrain all3x3 mixed 3,3,3,3,3,3 --out DIR/x", code: exitUsage, stderr: " is given twice: one training is enough\n"},
	{args: "retrain 0,0,0,0,0,0 --out DIR/x", code: exitUsage, stderr: "no path leads from its input to its output; there is nothing to train\n"},
	{args: "retrain all3x3 --test-every 0 --test-images 3 --out DIR/x", code: exitUsage, stderr: "bnas: --test-images 3: there is no test; set --test-every\n"},
	{args: "retrain all3x3 --drop-path 0.2 --out DIR/x", code: exitUsage, stderr: "bnas: --drop-path 0.2: nas-bench-201 has no operator that is dropped; set it to 0\n"},
	{args: "retrain all3x3 --drop-path 1 --out DIR/x", code: exitUsage, stderr: "bnas: --drop-path 1: must be at least 0, below 1\n"},
	{args: "retrain all3x3 --auxiliary-weight 0.4 --out DIR/x", code: exitUsage, stderr: "bnas: --auxiliary-weight 0.4: nas-bench-201 has no auxiliary head; set it to 0\n"},
	{args: "retrain all3x3 --auxiliary-weight -1 --out DIR/x", code: exitUsage, stderr: "bnas: --auxiliary-weight -1: must be at least 0\n"},
	{args: "retrain --file DIR/darts.txt --space darts --height 28 --width 28 --out DIR/x", code: exitUsage,
		stderr: "bnas: --auxiliary-weight 0.4: the auxiliary head of darts with the stem cifar is for images of 32 or 36 or 40 pixels a side, not for 28×28; set it to 0\n"},
	{args: "retrain --file DIR/darts.txt --space darts --channels 2 --cells 1 --height 32 --width 32 --batch 4 --steps 1 --test-images 4 --out DIR/darts --json",
		values: map[string]string{"recipe": `"darts"`}, file: "DIR/darts/1/retrained.json"},
	{args: "batches --run DIR/darts/1 --count 1 -o DIR/dropped.safetensors --quiet", stdout: "  1 step of 4 images", file: "DIR/dropped.safetensors",
		holds: []string{"factors.0.cells.1._ops.0.bn", "factors.0.cells.0._ops.1.op.7", "auxiliary_head.features.5.weight", "auxiliary_head.classifier.bias"}},
	{args: "export --run DIR/darts/1 -o DIR/darts.py", file: "DIR/darts.safetensors"},
	{args: "retrain all3x3 --data cifar10 --data-dir DIR/nowhere --out DIR/x", code: exitFailure, stderr: "bnas: data: cifar10: DIR/nowhere: no such file or folder\n"},
	{args: "retrain all3x3 " + ownFlags + " --out DIR/own", code: exitUsage, stderr: "bnas: DIR/own holds a run already; go on with --resume DIR/own, or name another folder with --out\n"},
	{args: "retrain --resume DIR/own --lr 0.3", code: exitUsage, stderr: "bnas: --lr cannot be given with --resume: the retraining in DIR/own has its own\n"},
	{args: "retrain --resume DIR/own all3x3", code: exitUsage, stderr: "bnas: --resume takes no architectures: "},
	{args: "retrain --resume RUN", code: exitFailure, stderr: "bnas: RUN is no folder of retrained networks: it has no archs.txt\n"},
	{args: "export --run DIR/own/1 -o DIR/own.safetensors --json", file: "DIR/own.safetensors"},
	{args: "export --run DIR/own/1 mixed -o DIR/no.safetensors", code: exitUsage, stderr: "and no other\n"},
	{args: "batches --run DIR/own/1 --count 2 -o DIR/batches.safetensors --json", values: map[string]string{"steps": "2", "images": "4"}, file: "DIR/batches.safetensors"},
	{args: "batches --run DIR/own/1", code: exitUsage, stderr: "bnas: bnas batches needs --out; see bnas batches --help\n"},
	{args: "train " + netFlags + " --steps 200 --batch 4 --rank-every 0 --max-time 1ns --out DIR/cut", code: exitInterrupted, stderr: "to go on: bnas train --resume DIR/cut\n"},
	{args: "train --resume RUN --cells 2", code: exitUsage, stderr: "bnas: --cells cannot be given here: the run in RUN has its own\n"},
	{args: "train --resume RUN --lr 0.3", code: exitFailure, stderr: "lr"},
	{args: "train --resume DIR", code: exitFailure, stderr: "bnas: DIR is not a run folder: it has no config.yaml; `bnas train` or `bnas run` makes one\n"},
	{args: "train --preset bn-nas --space nas-bench-macro " + "--channels 4 --height 8 --width 8" + " --batch 4 --steps 1 --rank-every 0 --holdout 8 --out DIR/preset",
		stdout: "steps      1 of 1", file: "DIR/preset/config.yaml", holds: []string{"train: last-bn", "clip_value: 5", "lr: 0.25", "schedule: linear", "max_macs: 475000000", "bn: standard"}},
	{args: "train --preset bn-nas --clip-norm 1 --out DIR/no", code: exitUsage, stderr: "bnas: --clip-value 5: with clip_norm 1; one of them must be 0\n"},
	{args: "train --preset nonsense --out DIR/no", code: exitUsage, stderr: "bnas: --preset \"nonsense\": there is bn-nas and te-nas\n"},
	{args: "train --threads -1", code: exitUsage, stderr: "bnas: --threads -1: must be 0…1024; 0 takes every core\n"},
	{args: "train --numerics exact", code: exitUsage, stderr: "bnas: --numerics \"exact\": there is auto, strict and fast\n"},
	{args: "train --numerics fast --device reference --out DIR/x", code: exitUsage, stderr: "bnas: --numerics has an effect only on a CPU\n"},
	{args: "train --precision fp8", code: exitUsage, stderr: "bnas: --precision \"fp8\": there is fp32, tf32, fp16 and bf16\n"},
	{args: "train --momentum 0.5 --out DIR/x", code: exitUsage, stderr: "bnas: --momentum has an effect only with --optimizer sgd or rmsprop\n"},
	{args: "train --optimizer rmsprop --momentum 0.8 --beta2 0.9 --eps 1 --lr 0.1 " + "--cells 1 --channels 4 --height 8 --width 8" + " --batch 4 --steps 2 --rank-every 0 --holdout 8 --out DIR/rms",
		stdout: "steps      2 of 2", file: "DIR/rms/config.yaml", holds: []string{"optimizer: rmsprop", "momentum: 0.8", "beta2: 0.9", "eps: 1"}},
	{args: "train --optimizer rmsprop --nesterov --out DIR/x", code: exitUsage, stderr: "bnas: --nesterov has an effect only with --optimizer sgd\n"},
	{args: "train --optimizer sgd --eps 1 --out DIR/x", code: exitUsage, stderr: "bnas: --eps has an effect only with --optimizer adamw or rmsprop\n"},
	{args: "train --optimizer sgd --beta2 0.9 --out DIR/x", code: exitUsage, stderr: "bnas: --beta2 has an effect only with --optimizer adamw or rmsprop\n"},
	{args: "train --optimizer rmsprop --eps 0 --out DIR/x", code: exitUsage, stderr: "bnas: --eps 0: must be above 0 for rmsprop\n"},
	{args: "train --optimizer rmsprop --beta2 1 --out DIR/x", code: exitUsage, stderr: "bnas: --beta2 1: must be "},
	{args: "train --min-lr 0.001 --schedule constant --out DIR/x", code: exitUsage, stderr: "bnas: --min-lr has an effect only with --schedule cosine or linear\n"},
	{args: "train --patience 3 --out DIR/x", code: exitUsage, stderr: "bnas: --patience has an effect only with --early-bird\n"},
	{args: "train --half --device cpu --out DIR/x", code: exitUsage, stderr: "bnas: --half has an effect only on a GPU\n"},
	{args: "search --strategy exhaustive --space fairnas " + netFlags[:len("--channels 4")] + " --height 8 --width 8 " + fewFlags, code: exitUsage, stderr: "bnas: --strategy exhaustive: fairnas has 609359740010496 architectures; choose another strategy\n"},
	{args: "search --population 60 --strategy exhaustive", code: exitUsage, stderr: "bnas: --population has an effect only with --strategy evolution, nsga2 or regularised, and with random without --max-evaluations\n"},
	{args: "search --population 60 --strategy random --max-evaluations 70", code: exitUsage, stderr: "bnas: --population has an effect only with --strategy evolution, nsga2 or regularised, and with random without --max-evaluations\n"},
	{args: "search --generations 2 --strategy regularised --max-evaluations 70", code: exitUsage, stderr: "bnas: --generations has an effect only with --strategy evolution or nsga2, and with random or regularised without --max-evaluations\n"},
	{args: "search " + netFlags + " " + fewFlags + " --composite params --strategy random --population 2 --generations 3 --json", stdout: `"evaluations": 6`},
	{args: "train --holdout -1", code: exitUsage, stderr: "bnas: --holdout -1: must be 0…1000000000\n"},
	{args: "train --holdout 100000", code: exitUsage, stderr: "bnas: --holdout 100000 leaves none of the 8000 images of fashion to train on\n"},
	{args: "train --classes 3", code: exitUsage, stderr: "bnas: --classes 3, but fashion has 10\n"},
	{args: "train --device tpu --out DIR/x", code: exitUsage, stderr: "bnas: --device \"tpu\": there is auto, cpu, reference, gpu"},
	{args: "train --data-dir DIR", code: exitUsage, stderr: "bnas: --data-dir has an effect only with --data: add --data folder for pictures, or --data cifar10, cifar100 or idx\n"},
	{args: "train --data folder --data-dir DIR", code: exitUsage, stderr: "bnas: --height and --width are missing: the images of a folder have no common size; give the one to which they are resized\n"},
	{args: "train --data cifar10 --data-dir DIR/nowhere", code: exitFailure, stderr: "bnas: data: cifar10: DIR/nowhere: no such file or folder\n"},
	{args: "train --config DIR/nowhere.yaml", code: exitFailure, stderr: "bnas: configuration: DIR/nowhere.yaml: no such file or folder\n"},
	{args: "train --data-mean 1,2", code: exitUsage, stderr: "bnas: --data-mean and --data-std: "},
	{args: "train --height 30 --width 30 --out DIR/x", code: exitUsage,
		stderr: "bnas: --height 30: nas-bench-201 halves images 2 times and takes multiples of 4 (nearest: 32); --width 30: nas-bench-201 "},
	{args: "train --space darts --stem imagenet --channels 1 --out DIR/x", code: exitUsage, stderr: "bnas: --channels 1: darts divides the channels and needs at least 2\n"},
	{args: "train --cells 2 --space fairnas", code: exitUsage, stderr: "bnas: --cells 2: fairnas has a fixed depth; leave --cells out\n"},
	{args: "train --resume DIR/trained --steps 1", code: exitFailure, stderr: "the run has 2 steps, 1 are asked for: a run can become longer, not shorter\n"},
	{args: "train --data cifar10", code: exitUsage, stderr: "bnas: --data-dir is missing: cifar10 needs the folder of its files\n"},
	{args: "train argument", code: exitUsage, stderr: "bnas: bnas train takes no arguments, got \"argument\"\n"},

	{args: "score --run RUN ARCH --json", values: map[string]string{"file": `"RUN/scores.csv"`}, stdout: `"convs": 2`},
	{args: "train --steps 1e-1", code: exitUsage, stderr: "bnas: --steps: \"1e-1\" is not a whole number\n"},
	{args: "score --run RUN --sample 2e0 --seed 0e0 --out DIR/scores", stdout: "ARCHITECTURE", file: "DIR/scores/scores.csv"},
	{args: "score " + netFlags + " " + fewFlags + " --terms params ARCH --quiet", stdout: "params        "},
	{args: "score " + netFlags + " " + fewFlags + " --terms cell_spectrum,params --repeats 2 --seed 3 --sample 9 --out DIR/repeats.csv --json", stdout: `"repeats": 2`, file: "DIR/repeats.csv"},
	{args: "score " + netFlags + " " + fewFlags + " --terms cell_spectrum --repeats 2 ARCH --quiet", stdout: " ± "},
	{args: "score " + netFlags + " " + fewFlags + " --terms cell_spectrum --repeats 2 ARCH all3x3 --quiet", stdout: " ± "},
	{args: "score " + netFlags + " " + fewFlags + " --terms cell_spectrum 0,0,0,0,0,0 --quiet", stdout: "\ndead           no path leads from the input to the output\ncell_spectrum  dead\n"},
	{args: "score " + netFlags + " " + fewFlags + " --terms cell_spectrum 0,0,0,0,0,0 all3x3 --quiet", stdout: "\n1 of 2 are dead: no path leads from the input to the output\n"},
	{args: "score all3x3 --channels 4096 --cells 256 --height 8 --width 8", code: exitUsage, stderr: "bnas: --channels 4096: all paths together have "},
	{args: "score all3x3 --terms params,macs --columns naswot", code: exitUsage, stderr: "bnas: --columns naswot: --terms params,macs leaves this term out\n"},
	{args: "score all3x3 --terms ours --columns snip", code: exitUsage, stderr: "bnas: --columns snip: --terms ours leaves this term out\n"},
	{args: "score all3x3 --terms params --sort macs", code: exitUsage, stderr: "bnas: --sort macs: --terms params leaves this term out\n"},
	{args: "score --repeats 0 --sample 1", code: exitUsage, stderr: "bnas: --repeats 0: must be 1…64\n"},
	{args: "score --repeats 65 --sample 1", code: exitUsage, stderr: "bnas: --repeats 65: must be 1…64\n"},
	{args: "search --repeats many", code: exitUsage, stderr: "bnas: --repeats: \"many\" is not a whole number\n"},
	{args: "score --run RUN --seed 9 --terms params ARCH --json", stdout: `"params"`},
	{args: "score --run RUN --sample 2 --all", code: exitUsage, stderr: "in one way"},
	{args: "score --run RUN --weight-seed 9 ARCH", code: exitUsage, stderr: "bnas: --weight-seed cannot be given here: the run in RUN has its own\n"},
	{args: "search --run RUN --split-seed 9", code: exitUsage, stderr: "bnas: --split-seed cannot be given here: the run in RUN has its own\n"},
	{args: "score --run RUN --seed 9 --image-seed 4 --direction-seed 5 --terms params ARCH --out DIR/seeds --json", file: "DIR/seeds/scores.json", holds: []string{"seed: 9\\nimage_seed: 4\\ndirection_seed: 5"}},
	{args: "train " + netFlags + " --steps 1 --batch 4 --rank-every 0 --seed 2 --weight-seed 7 --split-seed 8 --out DIR/seeded --quiet", file: "DIR/seeded/config.yaml", holds: []string{"seed: 2", "    seed: 7", "split_seed: 8"}},
	{args: "train --resume DIR/seeded --steps 2 --quiet", stdout: "steps      2 of 2"},
	{args: "score --run RUN nonsense", code: exitUsage, stderr: "byte 1"},
	{args: "score --run RUN --file DIR/x.npy", code: exitFailure, stderr: "bnas: DIR/x.npy: a binary file, not text; a list of architectures is needed\n"},
	{args: "score --images 60000 --sample 1", code: exitFailure, stderr: "bnas: scoring needs 60112 images, fashion has 7000 to give; lower --images or --mc-batches\n"},

	{args: "search --run RUN --strategy random --max-evaluations 3 --json", values: map[string]string{"strategy": `"random"`, "evaluations": "3"}},
	{args: "search " + netFlags + " " + fewFlags + " --composite params --strategy exhaustive --max-evaluations 3", stdout: "exhaustive, params: 3 networks scored (0 from the ledger), ended: all 3 evaluations done\nscore: the term params\n"},
	{args: "search " + netFlags + " " + fewFlags + " --strategy random --max-evaluations 1 --calibration 8 --quiet",
		stdout: "ended: all 1 evaluations done\nscore: bnas = standard_spectrum + standard_least + bn_corr + standard_isometry + standard_isometry_even + standard_jacobian_corr + identity_gain + bn_noise_log + standard_fisher_dim + live_macs, in log quantiles of the calibration sample; at most 0\n"},
	{args: "search " + netFlags + " " + fewFlags + " --strategy random --max-evaluations 1 --calibration 8 --quiet",
		stdout: "\na random architecture of the calibration scores higher, -"},
	{args: "search --run RUN --strategy random --max-evaluations 3 --finalists 2 --finalist-epochs 1 --json", stdout: `"validation_images": 1000`, file: "RUN/finalists.csv", holds: []string{"nas-bench-201,1,"}, slow: true},
	{args: "run --resume RUN --finalists 2 --finalist-epochs 1", stdout: "next    bnas export --run RUN/finalists/", stderr: "finalist 1 of 2", slow: true},
	{args: "retrain --from RUN --top 3 --batch 4 --steps 1 --test-images 4 --out DIR/finalists --quiet", stdout: "TEST", file: "DIR/finalists/3/retrained.json"},
	{args: "search --run RUN --max-evaluations 4 --finalists 5", code: exitUsage, stderr: "bnas: --finalists 5: the search scores at most 4 networks (--max-evaluations)\n"},
	{args: "search --run RUN --finalists 2 --finalist-epochs 0", code: exitUsage, stderr: "bnas: --finalist-epochs 0: must be 1…1000000\n"},
	{args: "search --run RUN --finalist-epochs 2", code: exitUsage, stderr: "bnas: --finalist-epochs has an effect only with --finalists\n"},
	{args: "search --holdout 0 --finalists 2", code: exitUsage, stderr: "bnas: --finalists 2: they are compared on images that are held out; set --holdout\n"},
	{args: "search " + netFlags + " " + fewFlags + " --finalists 2", code: exitUsage, stderr: "bnas: --finalists 2: they need a folder: that of a run, or one for the scores\n"},
	{args: "search --run RUN --run DIR/seeded --composite params+macs --calibration 3 --max-evaluations 3 --out DIR/both", stdout: "terms: the mean over 2 runs of their quantiles: RUN, DIR/seeded\n", file: "DIR/both/report.html", holds: []string{"averages over 2 runs"}},
	{args: "search --run RUN --run DIR/preset --out DIR/no", code: exitFailure, stderr: "bnas: the scores of RUN and DIR/preset cannot be averaged: supernet.space is nas-bench-201 in the first and nas-bench-macro in the second\n"},
	{args: "search --run RUN --run RUN --out DIR/no", code: exitFailure, stderr: "bnas: RUN is given twice: its scores would count twice\n"},
	{args: "search --run RUN --run= --out DIR/no", code: exitUsage, stderr: "bnas: --run \"\": several runs are trained ones; name the folder of each\n"},
	{args: "search --space nas-bench-macro --out RUN", code: exitUsage, stderr: "bnas: --out RUN: the folder is of a run, and the result of its search would be lost; name another folder\n"},
	{args: "search --run DIR/seeded --out RUN", code: exitUsage, stderr: "bnas: --out RUN: the folder is of a run, "},
	{args: "search --run RUN --run DIR/seeded --out RUN", code: exitUsage, stderr: "bnas: --out RUN: the folder is of a run, "},
	{args: "search --run RUN --out RUN/. --composite params+macs --calibration 3 --max-evaluations 3 --strategy random --json", values: map[string]string{"strategy": `"random"`}},
	{args: "search --terms params,naswot", code: exitUsage, stderr: "bnas: --terms params,naswot: standard_spectrum of --composite bnas is missing\n"},
	{args: "run --terms params --out DIR/x", code: exitUsage, stderr: "bnas: --terms params: standard_spectrum of --composite bnas is missing\n"},
	{args: "search " + netFlags + " " + fewFlags + " --composite params --objectives score,macs --population 4 --generations 2 --out DIR/front --json",
		values: map[string]string{"strategy": `"nsga2"`, "cost": `"macs"`, "evaluations": "8"}, file: "DIR/front/pareto.csv", holds: []string{"arch,score,macs,params\n|"}},
	{args: "search " + netFlags + " " + fewFlags + " --composite naswot --objectives score,params --population 4 --generations 2 --out DIR/front",
		stdout: "\nPareto front of the score and params: each network scores higher than all that the search has proposed with as few\nSCORE "},
	{args: "search --objectives score,energy", code: exitUsage, stderr: "bnas: --objectives score,energy: there is score,macs, score,params and score,latency\n"},
	{args: "search " + netFlags + " " + fewFlags + " --composite params --objectives score,latency --latency-batch 2 --population 4 --generations 2 --out DIR/timed --json",
		values: map[string]string{"strategy": `"nsga2"`, "cost": `"latency"`, "evaluations": "8"}, file: "DIR/timed/pareto.csv", holds: []string{"arch,score,macs,params,latency_ms\n|"}},
	{args: "search " + netFlags + " " + fewFlags + " --composite params --strategy random --max-latency 1e6 --max-evaluations 2",
		stdout: ", batch 1\n"},
	{args: "search --latency-batch 8", code: exitUsage, stderr: "bnas: --latency-batch has an effect only with --max-latency or --objectives score,latency"},
	{args: "search --device gpu-emulated --max-latency 5", code: exitUsage, stderr: "bnas: --device gpu-emulated: it has no latency of its own; search on a real device\n"},
	{args: "search --objectives score,macs --strategy random", code: exitUsage, stderr: "bnas: --objectives score,macs: only the strategy nsga2 has two objectives\n"},
	{args: "search --strategy nonsense", code: exitUsage, stderr: "exhaustive, random, evolution, nsga2, regularised, pruning"},
	{args: "search " + netFlags + " " + fewFlags + " --strategy pruning --prune 3 --composite params --out DIR/pruned", stdout: "\nROUND  PLACE", stderr: "prune",
		file: "DIR/pruned/pruning.csv", holds: []string{"setup,name,log_kappa,regions\n"}},
	{args: "search --run DIR/seeded --strategy pruning --prune 3 --composite params", stdout: "\nROUND  PLACE", file: "DIR/seeded/report.html", holds: []string{"<section id=\"pruning\">"}, slow: true},
	{args: "search --strategy pruning --max-macs 5M --budget 1s", code: exitUsage, stderr: "bnas: --max-macs bounds no search by pruning: it ends with one network, whatever that costs; --budget bounds"},
	{args: "search --strategy pruning --space darts --channels 4 --cells 1", code: exitUsage, stderr: "bnas: --strategy pruning: darts has no network with several operators at a place; choose another strategy\n"},
	{args: "search --strategy pruning --workers 2", code: exitUsage, stderr: "bnas: --strategy pruning: it works in one process; leave out the workers\n"},
	{args: "search --run RUN --run DIR/seeded --strategy pruning --out DIR/no", code: exitUsage, stderr: "bnas: --strategy pruning: it judges networks of one supernet, and there are 2; search one\n"},
	{args: "search --prune 2", code: exitUsage, stderr: "bnas: --prune has an effect only with --strategy pruning\n"},
	{args: "search --run RUN --preset te-nas", code: exitUsage, stderr: "bnas: --preset cannot be given here: the run in RUN has its own settings\n"},

	{args: "correlate --scores RUN/scores.csv --table RUN/scores.csv --accuracy-column params --resamples 5 --json",
		values: map[string]string{"missing": "0"}, stdout: `"tau_b": 1,`},
	{args: "correlate --scores RUN --table RUN/scores.csv --accuracy-column params --resamples 5",
		stdout: "architectures, repeats 1\nsetup   "},
	{args: "correlate --scores RUN --table RUN/scores.csv --accuracy-column params --resamples 5",
		stdout: " architectures, those with a path from the input to the output\nterm  "},
	{args: "correlate --scores RUN --table RUN/scores.csv --accuracy-column params --resamples 5",
		stdout: "\ncomposite bnas: standard_spectrum + standard_least + bn_corr + standard_isometry + standard_isometry_even + standard_jacobian_corr + identity_gain + bn_noise_log + standard_fisher_dim + live_macs, in log quantiles of the same architectures\n"},
	{args: "correlate --scores RUN --table RUN/scores.csv --accuracy-column params --resamples 5 --composite standard_isometry --composite bn_noise-depth",
		stdout: "\ncomposite 2 − standard_isometry"},
	{args: "correlate --scores RUN --table RUN/scores.csv --accuracy-column params --resamples 5 --composite standard_isometry --composite bn_noise-depth",
		stdout: "\ncomposite 2: bn_noise − depth, in log quantiles of the same architectures\ncomposite 2 without cost: bn_noise, in"},
	{args: "correlate --scores RUN --table RUN/scores.csv --accuracy-column params --resamples 5 --select --splits 2 --select-with DIR/sets.yaml",
		stdout: "\nthe same choice on 2 random halves, judged on the other halves:\nset "},
	{args: "correlate --scores RUN --scores RUN/scores.csv --table RUN/scores.csv --accuracy-column params --resamples 5",
		stdout: "\nterms: the mean of the ranks in 2 runs, over the architectures that all have\n"},
	{args: "correlate --scores RUN,x --table RUN/scores.csv", code: exitFailure, stderr: "RUN,x: no such file or folder"},
	{args: "correlate --scores RUN --table RUN/scores.csv --accuracy-column params --resamples 5 --select --splits 1",
		stdout: " say little of networks outside of them\n"},
	{args: "correlate --scores RUN --table RUN/scores.csv --accuracy-column params --select-with DIR/sets.yaml", code: exitUsage, stderr: "bnas: --select-with has an effect only with --select\n"},
	{args: "correlate --scores RUN --table RUN/scores.csv --accuracy-column params --select --select-with DIR/few.csv", code: exitUsage, stderr: "DIR/few.csv: "},
	{args: "correlate --scores RUN --table RUN/scores.csv --splits 3", code: exitUsage, stderr: "bnas: --splits has an effect only with --select\n"},
	{args: "correlate --scores RUN --table RUN/scores.csv --composite naswot+nonsense", code: exitUsage, stderr: `no term "nonsense"`},
	{args: "correlate --scores RUN --table RUN/scores.csv --accuracy-column params --composite naswot+mc_mi", code: exitFailure, stderr: "bnas: --composite naswot+mc_mi: indicator: calibration: the sample was scored without naswot; score with --terms naswot,mc_mi\n"},
	{args: "correlate --scores RUN --table RUN/scores.csv --composite naswot-nonsense", code: exitUsage, stderr: `bnas: --composite "naswot-nonsense": no term "nonsense"; there are `},
	{args: "search --composite naswot+naswot", code: exitUsage, stderr: `bnas: --composite "naswot+naswot": naswot twice`},
	{args: "score --run RUN --repeats 2 --sample 4 --quiet --terms params", stdout: "params"},
	{args: "correlate --scores RUN --table RUN/scores.csv --accuracy-column params --resamples 5",
		stdout: "scores        RUN/scores.csv: 4 architectures, repeats 2\nsetup         nas-bench-201, BatchNorm fair, cells 1, channels 4, 8×8, seed 0; scored with images 8, seed 0, repeats 2; device "},
	{args: "correlate --scores RUN --table DIR/few.csv", code: exitFailure, stderr: " are in DIR/few.csv, which has 1: give a table of nas-bench-201 that has more of them, or other scores: --scores RUN/ledgers/"},
	{args: "score --run RUN --sample 4 --json", stderr: "earlier scores of this setup are used again"},
	{args: "correlate --scores DIR/repeats.csv --table DIR/repeats.csv --accuracy-column params --resamples 5",
		stdout: "with twice the repeats\ncell_spectrum  "},
	{args: "correlate --scores DIR/repeats.csv --table DIR/repeats.csv --accuracy-column params --resamples 5 --json", stdout: `"reliability_doubled": 1`},
	{args: "correlate --scores DIR/scores --table RUN/scores.csv --accuracy-column params", code: exitFailure, stderr: "bnas: DIR/scores: 2 architectures; a correlation needs at least 3\n"},
	{args: "correlate --scores RUN/scores.csv --table RUN/scores.csv --composite macs-depth --composite bnas --composite macs-depth", code: exitUsage, stderr: "bnas: --composite macs-depth: is given twice\n"},
	{args: "correlate --scores RUN/scores.csv --table nowhere.csv", code: exitFailure, stderr: "bnas: table: nowhere.csv: no such file or folder\n"},
	{args: "correlate --scores RUN/scores.csv --table DIR/x.npy", code: exitFailure, stderr: "bnas: indicator: DIR/x.npy: a binary file, not text; a CSV table is needed\n"},
	{args: "correlate --scores RUN/scores.csv --table RUN/scores.csv --top 0", code: exitUsage, stderr: "bnas: --top 0: must be 1…1000000\n"},

	{args: "eval --run RUN --calibration-images 8 --validation-images 8 ARCH --json", stdout: `"images": 8`},
	{args: "eval --run RUN --calibration-images 8 --split nonsense ARCH", code: exitUsage, stderr: "bnas: --split \"nonsense\": there is holdout and test\n"},
	{args: "eval " + netFlags + " --holdout 0 --calibration-images 8 ARCH", code: exitUsage, stderr: "bnas: the run holds out no training images; use --split test\n"},
	{args: "eval", code: exitUsage, stderr: "eval needs an architecture"},

	{args: "ntk --run RUN --ntk-images 4 ARCH --json", values: map[string]string{"steps": "6"}, stdout: `"linearised_error"`},
	{args: "ntk --run RUN --ntk-images 4 --sample 2 --quiet", stdout: "LINEARISED ERROR"},
	{args: "ntk --run RUN --ntk-images 60000 ARCH", code: exitUsage, stderr: "bnas: --ntk-images 60000: fashion has 7000 to give\n"},
	{args: "ntk ARCH", code: exitUsage, stderr: "bnas: name a trained run: --run "},

	{args: "study", stdout: "fairness\n   Where only convolutions"},
	{args: "study list --json", stdout: `"quick_time"`},
	{args: "study list --workers 2", code: exitUsage, stderr: "bnas: --workers has no effect on the list of the studies; name a study: bnas study NAME --workers\n"},
	{args: "study --quick", code: exitUsage, stderr: "bnas: --quick has no effect on the list of the studies; name a study: bnas study NAME --quick\n"},
	{args: "score --sample 2 --device cpu --gpu 1", code: exitUsage, stderr: "bnas: --gpu has an effect only on a GPU\n"},
	{args: "search --workers 2 --token 01234567890123456789", code: exitUsage, stderr: "bnas: --token has an effect only with --listen\n"},
	{args: "search --nats nats://127.0.0.1:1 --token 01234567890123456789", code: exitUsage, stderr: "bnas: --nats: the URL has the token of the server, nats://TOKEN@HOST:PORT; leave out --token\n"},
	{args: "worker --nats nats://127.0.0.1:1 --token 01234567890123456789", code: exitUsage, stderr: "bnas: --nats: the URL has the token of the server, nats://TOKEN@HOST:PORT; leave out --token\n"},
	{args: "study fairness --quick --seeds 1 --networks 10 --composite quick --batch 4 --steps 2 " + netFlags + " " + fewFlags + " --out DIR/study --json",
		values: map[string]string{"study": `"fairness"`, "page": `"DIR/study/report.html"`, "cells_computed": "2"}, file: "DIR/study/shares.csv"},
	{args: "study fairness --quick --seeds 1 --networks 10 --composite quick --batch 4 --steps 3 " + netFlags + " " + fewFlags + " --out DIR/study", code: exitUsage,
		stderr: "bnas: DIR/study/cells/standard-0 was made with --steps 2, now it is 3; name another folder with --out\n"},
	{args: "study fairness --quick --cell fair-7 --out DIR/study7", code: exitUsage, stderr: "bnas: study fairness has no cell \"fair-7\"; it has standard-0, "},
	{args: "study fairness --quick --cell fair-0 --workers 2 --out DIR/study7", code: exitUsage, stderr: "bnas: --workers and --cell exclude each other: a cell is computed in one process\n"},
	{args: "study fairness --quick --gpus 0,x --workers 2 --out DIR/study7", code: exitUsage, stderr: "bnas: --gpus 0,x: give numbers from 0 to 1023, like 0,1, or all\n"},
	{args: "score --sample 2 --device cpu --gpus 0 --workers 2", code: exitUsage, stderr: "bnas: --gpus has an effect only on a GPU\n"},
	{args: "score --sample 2 --gpu 1 --gpus 0 --workers 2", code: exitUsage, stderr: "bnas: --gpu and --gpus exclude each other\n"},
	{args: "study fair", code: exitUsage, stderr: "bnas: there is no study \"fair\"; there is fairness, "},
	{args: "study fairness --accuracy-column x", code: exitUsage, stderr: "bnas: --accuracy-column has an effect only with --table\n"},
	{args: "study fairness --quick --finalists 2 --out DIR/studyfair2", code: exitUsage, stderr: "bnas: --finalists has an effect only in bnas study search\n"},
	{args: "study search --quick --out DIR/studysearch", code: exitUsage, stderr: "bnas: study search needs a table of the accuracies of its space; give it with --table\n"},
	{args: "study indicator --quick --out DIR/studyindicator", code: exitUsage, stderr: "bnas: study indicator needs a table of the accuracies of its space; give it with --table\n"},
	{args: "study fairness list", code: exitUsage, stderr: "bnas: bnas study takes one argument, the name of a study; got 2\n"},

	{args: "space list", stdout: "\nfairnas          609359740010496      19     19 MobileNet blocks, no identities (FairNAS); 224×224\n"},
	{args: "bench step --space darts", code: exitUsage, stderr: "bnas: give an architecture of darts with --arch: it has no all3x3, the default\n"},
	{args: "space list --json", stdout: `"nas-bench-macro"`},
	{args: "space info --space nas-bench-macro --json", values: map[string]string{"architectures": "6561", "dead": "0"}},
	{args: "space info nas-bench-macro --json", values: map[string]string{"space": `"nas-bench-macro"`}},
	{args: "space info nas-bench-macro --space fairnas", code: exitUsage, stderr: "bnas: the argument \"nas-bench-macro\" and --space fairnas name two spaces; give one\n"},
	{args: "space info nas-bench-macros", code: exitUsage, stderr: "nas-bench-201"},
	{args: "space info --image-channels 1 --json", values: map[string]string{"supernet_params": "1712698"}, stdout: `"image_channels": 1`},
	{args: "space info --image-channels 1", stdout: "grey images 32×32"},
	{args: "space info --image-channels 2", code: exitUsage, stderr: "bnas: --image-channels 2: must be 1 (grey) or 3 (colour)\n"},
	{args: "space show all3x3 --image-channels 1 --json", values: map[string]string{"params": "1531258", "macs": "219824768"}},
	{args: "space show all3x3 --json", values: map[string]string{"params": "1531546", "dead": "false"}},
	{args: "plan all3x3 " + netFlags + " --image-channels 1 --batch 2 --json", values: map[string]string{"dram_bytes": "549976", "flops": "1567776"}},
	{args: "bench step --image-channels 1 " + netFlags + " --batch 2 --repeats 1 --json", stdout: `"batch": 2`},
	{args: "train --image-channels 1 " + netFlags + " --steps 1 --batch 4 --rank-every 0 --out DIR/grey", file: "DIR/grey/config.yaml", holds: []string{"image_channels: 1"}},
	{args: "space show mixed", stdout: "BatchNorms     81 in the Program (BatchNorm fair), 66 of the path in the authors' placement (the term depth)\n"},
	{args: "space show all3x3 --space nas-bench-macro", code: exitUsage, stderr: "bnas: argument \"all3x3\": nas-bench-macro has no architecture of this name\n"},
	{args: "space nonsense", code: exitUsage, stderr: "no command \"nonsense\""},

	{args: "train --resume RUN --steps 8", stdout: "\noutdated   result.json and report.html there are of 6 steps; the next command renews them\nnext       bnas search --run RUN\n"},
	{args: "train --resume RUN --json", values: map[string]string{"step": "8", "loss": "null", "accuracy": "null", "result_steps": "6"}},
	{args: "search --run RUN --quiet", stdout: "\nreport  RUN/report.html\n"},
	{args: "train --resume RUN --json", values: map[string]string{"step": "8", "result_steps": ""}, stderr: "device"},

	{args: "export --run RUN --calibration-images 8 ARCH -o DIR/net.safetensors --json", values: map[string]string{"file": `"DIR/net.safetensors"`}, file: "DIR/net.safetensors"},
	{args: "export --run RUN --calibration-images 8 ARCH -o DIR/net.onnx --fold --json", values: map[string]string{"file": `"DIR/net.onnx"`}, file: "DIR/net.onnx"},
	{args: "export --run RUN --calibration-images 8 ARCH -o DIR/net.py --json",
		values: map[string]string{"file": `"DIR/net.safetensors"`, "code": `"DIR/net.py"`}, file: "DIR/net.py"},
	{args: "export " + netFlags + " ARCH --format torch -o DIR/other.safetensors", stdout: "DIR/other.py", file: "DIR/other.py"},
	{args: "export " + netFlags + " ARCH --format onnx -o DIR/other", stdout: "DIR/other  ", file: "DIR/other"},
	{args: "export " + netFlags + " ARCH -o RUN/config.yaml", code: exitUsage, stderr: "bnas: --out RUN/config.yaml: the folder RUN is of bnas, which keeps its own config.yaml there; name another file\n"},
	{args: "export " + netFlags + " ARCH -o RUN/imported.py", code: exitUsage, stderr: "keeps its own imported.safetensors there"},
	{args: "export " + netFlags + " ARCH -o RUN/own.onnx", stdout: "RUN/own.onnx  ", file: "RUN/own.onnx"},
	{args: "score " + netFlags + " ARCH --out RUN/scores.csv", code: exitUsage, stderr: "keeps its own scores.csv there"},
	{args: "batches --run RUN --count 1 -o RUN/checkpoint", code: exitUsage, stderr: "keeps its own checkpoint there"},
	{args: "export " + netFlags + " ARCH --format tf -o DIR/no", code: exitUsage, stderr: "bnas: --format \"tf\": there is safetensors, onnx or torch\n"},
	{args: "export " + netFlags + " ARCH --format safetensors -o DIR/no.onnx", code: exitUsage, stderr: "which ends as onnx does"},
	{args: "export " + netFlags + " ARCH -o DIR/no.pt", code: exitUsage, stderr: "files that end in .pt are Python pickles, which bnas does not write"},
	{args: "export " + netFlags + " ARCH --fold -o DIR/no.py", code: exitUsage, stderr: "--fold has an effect only in ONNX"},
	{args: "export " + netFlags + " ARCH", code: exitUsage, stderr: "bnas: bnas export needs --out; see bnas export --help\n"},
	{args: "export " + netFlags + " -o DIR/two.safetensors", code: exitUsage, stderr: "one architecture, got 0 arguments"},

	{args: "import DIR/net.safetensors --out DIR/imported --batch 8 --steps 4 --json",
		values: map[string]string{"dir": `"DIR/imported"`, "space": `"nas-bench-201"`, "tensors": "51"}, file: "DIR/imported/imported.safetensors"},
	{args: "eval --run DIR/imported ARCH --calibration-images 8 --validation-images 8", stdout: "ACCURACY"},
	{args: "train --resume DIR/imported --quiet", stdout: "4 of 4"},
	{args: "import DIR/net.safetensors --out DIR/alone --batch 8 --steps 2 --rank-every 0 --sampling fixed --train all --device reference --json",
		values: map[string]string{"dir": `"DIR/alone"`}, file: "DIR/alone/checkpoint"},
	{args: "train --resume DIR/alone --quiet", stdout: "2 of 2"},
	{args: "import DIR/net.safetensors --out DIR/imported", code: exitUsage, stderr: "go on with --resume DIR/imported"},
	{args: "import DIR/net.safetensors all3x3 --out DIR/no", code: exitUsage, stderr: "bnas: argument \"all3x3\": the network of DIR/net.safetensors is |"},
	{args: "import DIR/net.safetensors --channels 8 --out DIR/no", code: exitUsage, stderr: "bnas: --channels 8: the network of DIR/net.safetensors has 4\n"},
	{args: "import DIR/x.npy --out DIR/no", code: exitFailure, stderr: "bnas: DIR/x.npy: safetensors: "},
	{args: "import DIR/trace.safetensors.none --out DIR/no", code: exitFailure, stderr: "DIR/trace.safetensors.none: no such file or folder"},
	{args: "import --out DIR/no", code: exitUsage, stderr: "takes a file and at most one architecture, got 0 arguments"},

	{args: "trace --run RUN --calibration-images 8 --images DIR/x.npy --labels DIR/y.npy ARCH -o DIR/trace.safetensors --json",
		values: map[string]string{"file": `"DIR/trace.safetensors"`}, stderr: "no --device given", file: "DIR/trace.safetensors"},
	{args: "trace " + netFlags + " --images DIR/x.npy --labels DIR/x.npy ARCH -o DIR/no", code: exitFailure, stderr: "labels are float32"},

	{args: "bench step " + netFlags + " --batch 2 --repeats 1 --warmup 0 --json", values: map[string]string{"batch": "2", "repeats": "1"}},
	{args: "bench step " + netFlags + " --batch 2 --repeats 1 --profile --device reference", code: exitUsage, stderr: "bnas: --profile is for the CPU engine; the device is reference\n"},
	{args: "bench step " + netFlags + " --train all --batch 2 --repeats 1 --warmup 0 --json", values: map[string]string{"train": `"all"`}},
	{args: "bench kernel " + netFlags + " --batch 2 --repeats 1 --warmup 0 --arch mixed", stdout: "3×3 3→4 @8×8"},
	{args: "bench ntk " + netFlags + " --batch 2 --repeats 1 --warmup 0 --json", values: map[string]string{"batch": "2"}},
	{args: "bench score " + netFlags + " " + fewFlags + " --repeats 1 --warmup 0 --json", values: map[string]string{"repeats": "1"}},
	{args: "bench step --repeats 0", code: exitUsage, stderr: "bnas: --repeats 0: must be 1…1000000\n"},

	{args: "plan all3x3 --json", values: map[string]string{"launches": "118", "images": "256"}},
	{args: "plan all3x3 --device cpu", code: exitUsage, stderr: "a plan is for a GPU"},

	{args: "tensorboard RUN --out DIR/events --json", stdout: `"file": "DIR/events/run/events.out.tfevents.`},
	{args: "tensorboard DIR", code: exitFailure, stderr: "bnas: DIR is not a run folder: "},
	{args: "tensorboard", code: exitUsage, stderr: "bnas: tensorboard needs the folder of a run; see bnas tensorboard --help\n"},
	{args: "tensorboard RUN RUN/", code: exitUsage, stderr: "bnas: the events of RUN and RUN/ would both be in RUN\n"},

	{args: "runs ls --runs DIR", stdout: "  2 of 2 networks  done "},
	{args: "runs ls --runs DIR --json", stdout: `"state": "done"`},
	{args: "runs ls DIR", stdout: "  2 of 2 networks  done "},
	{args: "runs check DIR --json", values: map[string]string{"in_use": "[]"}},
	{args: "runs ls --runs DIR/nowhere", code: exitFailure, stderr: "bnas: DIR/nowhere: no such file or folder\n"},
	{args: "runs ls --runs DIR/own/1", stdout: "no runs in DIR/own/1; bnas run makes one\n"},
	{args: "serve --help", stdout: "--listen HOST:PORT"},
	{args: "score all3x3 --help", stdout: "--columns A,B"},
	{args: "space show -h mixed", stdout: "bnas space show - one architecture"},
	{args: "serve --runs DIR --listen nowhere", code: exitUsage, stderr: "bnas: --listen nowhere: listen tcp: address nowhere: missing port in address\n"},
	{args: "serve --runs commands_test.go", code: exitUsage, stderr: "bnas: commands_test.go: not a folder\n"},
	{args: "serve commands_test.go", code: exitUsage, stderr: "bnas: commands_test.go: not a folder\n"},
	{args: "serve DIR --runs DIR", code: exitUsage, stderr: "bnas: bnas serve takes the folder of the runs once: as argument, or with --runs\n"},
	{args: "serve DIR DIR", code: exitUsage, stderr: "bnas: bnas serve takes the folder of the runs once: as argument, or with --runs\n"},
	{args: "runs show ru --runs DIR", stdout: "\nstate              done\n"},
	{args: "runs show RUN --json", values: map[string]string{"name": `"run"`, "dir": `"RUN"`}},
	{args: "runs show --runs DIR", code: exitUsage, stderr: "bnas: runs show takes one argument, the name of a run; got 0\n"},
	{args: "runs show own --runs DIR", stdout: "test accuracy"},
	{args: "runs show tr --runs DIR/own", code: exitUsage, stderr: "bnas: \"tr\": no run in DIR/own has a name that begins so\n"},
	{args: "runs compare trained fixed --runs DIR", stdout: "train.sampling"},
	{args: "runs compare trained fixed --runs DIR --json", stdout: `"setting": "train.path"`},
	{args: "runs compare trained --runs DIR", code: exitUsage, stderr: "needs the names of two runs or more as arguments, got 1\n"},
	{args: "runs compare trained tra --runs DIR", code: exitUsage, stderr: "DIR/trained is named twice\n"},
	{args: "runs check --runs DIR --json", values: map[string]string{"in_use": "[]"}},
	{args: "runs check --runs DIR/nowhere", stdout: "no process works in DIR/nowhere\n"},
	{args: "runs check --stalled 0", code: exitUsage, stderr: "--stalled 0: must be 1…1000000"},
	{args: "runs gc trained --runs DIR --dry-run --json", values: map[string]string{"dry_run": "true"}, stdout: "checkpoint.prev"},
	{args: "runs gc trained --runs DIR", stdout: "\nremoved                      "},
	{args: "runs gc trained --runs DIR", stdout: "removed  0 B  in 0 places\n"},
	{args: "runs rm --runs DIR --yes", code: exitUsage, stderr: "bnas: runs rm needs the name of a run; see bnas runs rm --help\n"},
	{args: "runs rm trained --runs DIR", code: exitUsage, stderr: "bnas: runs rm asks before it removes, and stdin is no terminal; give --yes\n"},
	{args: "runs rm trained --runs DIR --yes --json", stdout: `"DIR/trained"`},
	{args: "train --resume DIR/trained", code: exitFailure, stderr: "is not a run folder"},

	{args: "worker --help", stdout: "--join URL"},
	{args: "worker", code: exitUsage, stderr: "bnas: name where the work is in one way: --join nats://HOST:PORT or --nats URL\n"},
	{args: "worker --join nats://127.0.0.1:1", code: exitUsage, stderr: "bnas: --join needs --token, the one that the coordinator has printed\n"},
	{args: "worker --join http://127.0.0.1:4222 --token 01234567890123456789", code: exitFailure, stderr: "bnas: \"http://127.0.0.1:4222\" is not where a coordinator can listen; give --join nats://HOST:PORT, with a port from 1 to 65535\n"},
	{args: "worker --join nats://127.0.0.1:99999 --token 01234567890123456789", code: exitFailure, stderr: "bnas: \"nats://127.0.0.1:99999\" is not where a coordinator can listen; give --join nats://HOST:PORT, with a port from 1 to 65535\n"},
	{args: "worker --join nats://127.0.0.1 --token 01234567890123456789", code: exitFailure, stderr: "bnas: \"nats://127.0.0.1\" is not where a coordinator can listen; give --join nats://HOST:PORT, with a port from 1 to 65535\n"},
	{args: "worker --join nats://127.0.0.1:0 --token 01234567890123456789", code: exitFailure, stderr: "bnas: \"nats://127.0.0.1:0\" is not where a coordinator can listen; give --join nats://HOST:PORT, with a port from 1 to 65535\n"},
	{args: "worker --nats http://127.0.0.1:4222", code: exitFailure, stderr: "bnas: the URL of --nats is nats://HOST:PORT or tls://HOST:PORT"},
	{args: "worker --nats nats://127.0.0.1:99999", code: exitFailure, stderr: "bnas: the URL of --nats is nats://HOST:PORT or tls://HOST:PORT"},
	{args: "serve --help", stdout: "port 0 is a free one (default: 127.0.0.1:6464)"},
	{args: "worker --join nats://127.0.0.1:1 --token 01234567890123456789", code: exitFailure, stderr: "bnas: the coordinator at nats://127.0.0.1:1 cannot be reached: "},
	{args: "status RUN", stdout: "no command of bnas works in RUN\n"},
	{args: "status RUN --watch --json", stdout: `"work": null`},
	{args: "status", code: exitUsage, stderr: "bnas: status takes one argument, the folder of a run, of scores or of a study; got 0\n"},
	{args: "status DIR/nowhere", code: exitFailure, stderr: "no such file or folder\n"},
	{args: "search --workers 0", code: exitUsage, stderr: "bnas: --workers 0: must be 1…1024\n"},
	{args: "search --run RUN --run DIR/other --workers 2", code: exitUsage, stderr: "bnas: several processes score one run, and there are 2 of --run: search them in one process\n"},
	{args: "search --listen 127.0.0.1:0 --nats nats://127.0.0.1:1", code: exitUsage, stderr: "bnas: --nats: workers of other machines come to that server"},
	{args: "score ARCH --listen 127.0.0.1:0 --quiet", code: exitUsage, stderr: "bnas: --listen with --quiet needs --token: the one that is drawn would not be shown\n"},
	{args: "score ARCH --listen 127.0.0.1:0 --token short", code: exitFailure, stderr: "bnas: the token has 5 characters, and needs at least 20"},
	{args: "score ARCH --nats nats://ten.example:4222", code: exitFailure, stderr: "bnas: ten.example:4222 is not on this machine: its URL must be tls://ten.example:4222\n"},

	{args: "doctor --quick --json", stdout: `"memory_bytes"`},
	{args: "doctor --nonsense", code: exitUsage, stderr: "see bnas doctor --help"},
	{args: "completion bash", stdout: "complete -o bashdefault -o default -F _bnas bnas\n"},
	{args: "completion zsh", stdout: "#compdef bnas\n"},
	{args: "completion fish --json", values: map[string]string{"shell": `"fish"`}, stdout: "complete -c bnas"},
	{args: "completion powershell", stdout: "Register-ArgumentCompleter"},
	{args: "completion tcsh", code: exitUsage, stderr: "bnas: completion takes one argument, bash, zsh, fish or powershell; got [\"tcsh\"]\n"},
	{args: "man --out DIR/man", stdout: "next   man -l DIR/man/bnas.1\n", file: "DIR/man/bnas-bench-step.1",
		holds: []string{".SH NAME\nbnas\\-bench\\-step \\- ", ".SS Machine\n", "[$BNAS_REPEATS]", ".SH EXIT STATUS\n.TP\n0\ndone\n"}},
	{args: "man", code: exitUsage, stderr: "bnas: bnas man needs --out; see bnas man --help\n"},
	{args: "version", stdout: "bnas     "},
	{args: "version --json", stdout: `"kernels": "`},
	{args: "version argument", code: exitUsage, stderr: "bnas: bnas version takes no arguments, got \"argument\"\n"},
	{args: "help bench step", stdout: "bnas bench step - "},
	{args: "help nonsense", code: exitUsage, stderr: "there is no command \"nonsense\""},
	{args: "nonsense", code: exitUsage, stderr: "bnas: there is no command \"nonsense\"; see bnas --help\n"},
}

// TestCommands runs each command in this process.
func TestCommands(t *testing.T) {
	joinPatience = 0
	t.Cleanup(func() { joinPatience = cluster.Outage })
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	writeBatch(t, dir)
	if err := os.WriteFile(filepath.Join(dir, "few.csv"), []byte("arch,test_accuracy\n"+cellArch+",90\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	sets := "sets:\n- {space: nas-bench-201, scores: " + filepath.Join(dir, "run") + ", table: " + filepath.Join(dir, "run", "scores.csv") + ", accuracy_column: bn_noise, weight: 2}\n"
	if err := os.WriteFile(filepath.Join(dir, "sets.yaml"), []byte(sets), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "darts.txt"), []byte("normal skip_connect:0 sep_conv_3x3:1 max_pool_3x3:0 skip_connect:1 skip_connect:0 skip_connect:2 skip_connect:1 avg_pool_3x3:2 "+
		"reduce skip_connect:0 max_pool_3x3:1 skip_connect:0 skip_connect:1 skip_connect:0 skip_connect:2 dil_conv_3x3:0 skip_connect:3\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer("RUN", filepath.Join(dir, "run"), "DIR", dir)
	for _, c := range commandCases {
		t.Run(strings.ReplaceAll(c.args, "/", "_"), func(t *testing.T) {
			if _, ok := cpu.Available(); c.slow && !ok && testing.Short() {
				t.Skip("it takes seconds on the reference device; the test with the engine runs it")
			}
			args := []string{"bnas"}
			for _, a := range strings.Fields(fill.Replace(c.args)) {
				args = append(args, strings.ReplaceAll(a, "ARCH", cellArch))
			}
			var stdout, stderr bytes.Buffer
			if code := execute(args, &stdout, &stderr); code != c.code {
				t.Fatalf("exit code %d, want %d; stderr: %s", code, c.code, &stderr)
			}
			if want := fill.Replace(c.stdout); !strings.Contains(stdout.String(), want) {
				t.Errorf("stdout has no %q:\n%s", want, &stdout)
			}
			if want := fill.Replace(c.stderr); !strings.Contains(stderr.String(), want) {
				t.Errorf("stderr has no %q:\n%s", want, &stderr)
			}
			if c.code == exitUsage && stdout.Len() > 0 {
				t.Errorf("wrong use, but stdout has %q", &stdout)
			}
			if c.file != "" {
				text, err := os.ReadFile(fill.Replace(c.file))
				if err != nil {
					t.Error(err)
				}
				for _, part := range c.holds {
					if !bytes.Contains(text, []byte(part)) {
						t.Errorf("%s has no %q:\n%s", c.file, part, text)
					}
				}
			}
			if strings.Contains(c.args, "--json") {
				checkValues(t, stdout.Bytes(), c.values, fill)
			}
		})
	}
}

// checkValues checks that the output is one JSON object with these values at its top level.
func checkValues(t *testing.T, text []byte, want map[string]string, fill *strings.Replacer) {
	t.Helper()
	var got map[string]json.RawMessage
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatalf("stdout is not one JSON object: %v", err)
	}
	for key, value := range want {
		if value = fill.Replace(value); string(got[key]) != value {
			t.Errorf("%s is %s, want %s", key, got[key], value)
		}
	}
}

// TestCommandsAreTested checks that each command has a case that succeeds and a case of wrong use.
func TestCommandsAreTested(t *testing.T) {
	for _, command := range newApp(os.Stdout, os.Stderr).Commands {
		done, refused := false, false
		for _, c := range commandCases {
			if strings.Fields(c.args)[0] == command.Name {
				done = done || c.code == exitOK
				refused = refused || c.code != exitOK
			}
		}
		if !done || !refused {
			t.Errorf("%s: a case that succeeds: %t, one that does not: %t", command.Name, done, refused)
		}
	}
}

// writeBatch writes two random images of 8×8 pixels, x.npy, and their labels, y.npy.
func writeBatch(t *testing.T, dir string) {
	t.Helper()
	x := make([]float32, 2*3*8*8)
	philox.New(1, "images", 0).Normal(x, 1)
	writeNpy(t, filepath.Join(dir, "x.npy"), "<f4", "2, 3, 8, 8", x)
	writeNpy(t, filepath.Join(dir, "y.npy"), "<i8", "2,", []int64{1, 7})
}
