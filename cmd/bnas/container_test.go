//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// clusterJob is what the manifest of a cluster must say as the program and its image do.
type clusterJob struct {
	Kind string
	Spec struct {
		PodFailurePolicy struct {
			Rules []struct {
				Action      string
				OnExitCodes struct{ Values []int } `yaml:"onExitCodes"`
			}
		} `yaml:"podFailurePolicy"`
		Template struct {
			Spec struct {
				SecurityContext struct {
					RunAsUser  int `yaml:"runAsUser"`
					RunAsGroup int `yaml:"runAsGroup"`
					FSGroup    int `yaml:"fsGroup"`
				} `yaml:"securityContext"`
				Containers []struct {
					Args          []string
					LivenessProbe struct{ Exec struct{ Command []string } } `yaml:"livenessProbe"`
					VolumeMounts  []volumeMount                             `yaml:"volumeMounts"`
				}
			}
		}
	}
}

// launcherOf returns the script of the launcher in a manifest of several processes.
func launcherOf(t *testing.T, manifest string) string {
	t.Helper()
	script := regexp.MustCompile(`(?s)command: \[sh, -c\]\n +args:\n +- \|\n(.*?exit \$status\n)`).FindStringSubmatch(readPage(t, "../../examples/kubernetes/"+manifest))
	if script == nil {
		t.Fatalf("%s has no launcher", manifest)
	}
	var b strings.Builder
	indent := len(script[1]) - len(strings.TrimLeft(script[1], " "))
	for line := range strings.Lines(script[1]) {
		b.WriteString(line[min(indent, len(line)):])
	}
	return b.String()
}

type volumeMount struct {
	MountPath string `yaml:"mountPath"`
}

// readJob reads the job of the manifest.
func readJob(t *testing.T) clusterJob {
	t.Helper()
	manifest := yaml.NewDecoder(bytes.NewReader([]byte(readPage(t, "../../examples/kubernetes/run.yaml"))))
	for {
		var j clusterJob
		if err := manifest.Decode(&j); errors.Is(err, io.EOF) {
			t.Fatal("the manifest has no job")
		} else if err != nil {
			t.Fatal(err)
		}
		if j.Kind == "Job" {
			return j
		}
	}
}

// TestContainer compares the image and the manifest of a cluster with the program: commands, exit codes, user and volumes.
func TestContainer(t *testing.T) {
	docker := readPage(t, "../../Dockerfile.cuda")
	list := func(pattern string) (words []string) {
		t.Helper()
		found := regexp.MustCompile(`(?m)^` + pattern).FindStringSubmatch(docker)
		if found == nil {
			t.Fatalf("the Dockerfile has no line %s", pattern)
		}
		if err := json.Unmarshal([]byte(found[1]), &words); err != nil {
			t.Fatal(err)
		}
		return words
	}
	app := newApp(os.Stdout, os.Stderr)
	accepted := func(words []string) {
		t.Helper()
		if problem := mention(app, words); problem != "" {
			t.Errorf("%q: %s", words, problem)
		}
	}
	accepted(list(`CMD (\[.*\])`))
	accepted(list(`HEALTHCHECK .* CMD (\[.*\])`)[1:])

	j := readJob(t)
	pod := j.Spec.Template.Spec
	c := pod.Containers[0]
	accepted(c.LivenessProbe.Exec.Command[1:])
	commands := regexp.MustCompile(`exec bnas (.*)`).FindAllStringSubmatch(c.Args[0], -1)
	if len(commands) != 2 {
		t.Errorf("%d commands in the pod, not a start and a resumption", len(commands))
	}
	for _, line := range commands {
		accepted(strings.Fields(line[1]))
	}

	actions := map[int]string{}
	for _, rule := range j.Spec.PodFailurePolicy.Rules {
		for _, code := range rule.OnExitCodes.Values {
			actions[code] = rule.Action
		}
	}
	if actions[exitInterrupted] != "Ignore" || actions[exitUsage] != "FailJob" || len(actions) != 2 {
		t.Errorf("actions by exit code: %v", actions)
	}
	s := pod.SecurityContext
	if user := fmt.Sprintf("USER %d:%d\n", s.RunAsUser, s.RunAsGroup); !strings.Contains(docker, user) || s.FSGroup != s.RunAsGroup {
		t.Errorf("the pod's user is %+v, which is not the image's", s)
	}
	for _, volume := range list(`VOLUME (\[.*\])`) {
		if !slices.Contains(c.VolumeMounts, volumeMount{volume}) {
			t.Errorf("the pod mounts nothing at %s", volume)
		}
	}
}
