//go:build unix

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"bnas.example/run"
	"bnas.example/train"
)

// standIns are programs of a cluster for scripts that start several processes: they start one.
var standIns = map[string]string{
	"mpirun":   `while [ "$1" != bnas ]; do shift; done; exec "$@"`,
	"srun":     `[ "$1" = --mpi=list ] && echo "MPI plugin types are... pmix" && sleep .1 && echo none && exit; touch by-srun; while [ "$1" != bnas ]; do shift; done; exec "$@"`,
	"scontrol": `echo "$@" >> requeued`,
}

// launch runs a script of a cluster until its run has a checkpoint, and sends it a signal.
func launch(t *testing.T, dir string, signal syscall.Signal, words ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, words[0], words[1:]...)
	c.Env = append(os.Environ(), "SLURM_JOB_ID=7", "SLURM_CPUS_PER_TASK=1")
	var log strings.Builder
	c.Stdout, c.Stderr = &log, &log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, filepath.Join(dir, train.CheckpointName))
	if err := c.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	c.Wait()
	if code := c.ProcessState.ExitCode(); code != exitInterrupted {
		t.Fatalf("%v: exit code %d: %s", words, code, &log)
	}
}

// TestLaunchScripts: the scripts of Slurm and of Kubernetes start a training, pass on the signal that its time is over, and resume it.
func TestLaunchScripts(t *testing.T) {
	settings := strings.Fields("--steps 1000000 " + tinyTrain)
	batch, err := filepath.Abs("../../examples/slurm/train.sh")
	if err != nil {
		t.Fatal(err)
	}
	pod := launcherOf(t, "mpijob.yaml")
	host := regexp.MustCompile(`(?s)# The name of a pod.*?mpirun --host \S+ \\\n\s*`)
	if set := launcherOf(t, "jobset.yaml"); host.ReplaceAllString(set, "mpirun ") != pod {
		t.Errorf("the launcher of the JobSet differs from that of the MPIJob in more than its hosts:\n%s", set)
	}
	t.Chdir(t.TempDir())
	for name, text := range standIns {
		if err := os.WriteFile(name, []byte("#!/bin/sh\n"+text+"\n"), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", "."+string(os.PathListSeparator)+os.Getenv("PATH"))

	for range 2 { // the second resumes
		launch(t, "slurm", syscall.SIGUSR1, append([]string{batch, "slurm"}, settings...)...)
		os.Remove(filepath.Join("slurm", train.CheckpointName))
	}
	if _, err := os.Stat("by-srun"); err != nil {
		t.Errorf("srun has PMIx and starts no process: %v", err)
	}
	if text, err := os.ReadFile("requeued"); err != nil || string(text) != "requeue 7\nrequeue 7\n" {
		t.Errorf("scontrol: %v: %s", err, text)
	}
	pod = strings.NewReplacer("/runs/fair", "pod", "--device gpu --data fashion --shards 8", strings.Join(settings, " ")).Replace(pod)
	launch(t, "pod", syscall.SIGTERM, "sh", "-c", pod)
	for _, dir := range []string{"slurm", "pod"} {
		if _, err := run.ReadConfig(dir); err != nil {
			t.Error(err)
		}
	}
}

// TestSeveralProcesses compares the scripts and manifests of several processes with the program and its image: flags, exit codes, user.
func TestSeveralProcesses(t *testing.T) {
	docker := readPage(t, "../../Dockerfile.mpi")
	app := newApp(os.Stdout, os.Stderr)
	user := regexp.MustCompile(`(?m)^USER (\d+):(\d+)$`).FindStringSubmatch(docker)
	for _, file := range []string{"kubernetes/mpijob.yaml", "kubernetes/jobset.yaml", "slurm/train.sh"} {
		text := readPage(t, "../../examples/"+file)
		settings := regexp.MustCompile(`set -- (--.*)`).FindAllStringSubmatch(text, -1)
		if len(settings) == 0 {
			t.Errorf("%s starts nothing", file)
		}
		for _, s := range settings {
			if problem := mention(app, append([]string{"train"}, strings.Fields(s[1])...)); problem != "" {
				t.Errorf("%s: %s: %s", file, s[1], problem)
			}
		}
		if strings.HasSuffix(file, ".sh") {
			continue
		}
		for i, field := range []string{"runAsUser", "runAsGroup", "fsGroup"} {
			if want := field + ": " + user[min(i+1, 2)]; !strings.Contains(text, want) {
				t.Errorf("%s has no %s, the user of the image", file, want)
			}
		}
		if sshd := regexp.MustCompile(`command: \[(/usr/sbin/sshd.*)\]`).FindStringSubmatch(text); sshd == nil || !strings.Contains(strings.ReplaceAll(docker, `"`, ""), "CMD ["+sshd[1]+"]") {
			t.Errorf("%s: its workers do not start the sshd of the image", file)
		}
	}
	set := readPage(t, "../../examples/kubernetes/jobset.yaml")
	for action, code := range map[string]int{"FailJob": exitUsage, "Ignore": exitInterrupted} {
		if !regexp.MustCompile(fmt.Sprintf(`action: %s .*\n +onExitCodes: \{containerName: launcher, operator: In, values: \[%d\]\}`, action, code)).MatchString(set) {
			t.Errorf("the JobSet has no rule %s for exit code %d", action, code)
		}
	}
}
