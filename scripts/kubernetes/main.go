// Command kubernetes checks the MPIJobs of manifests as Kubeflow's MPI Operator does: every field is one of its type, and its rules hold.
package main

import (
	"bytes"
	"fmt"
	"os"

	mpi "github.com/kubeflow/mpi-operator/pkg/apis/kubeflow/v2beta1"
	"github.com/kubeflow/mpi-operator/pkg/apis/kubeflow/validation"
	"sigs.k8s.io/yaml"
)

func main() {
	for _, path := range os.Args[1:] {
		if err := check(path); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", path, err)
			os.Exit(1)
		}
	}
}

// check checks the MPIJobs of a manifest, of which there must be one.
func check(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	jobs := 0
	for document := range bytes.SplitSeq(text, []byte("\n---\n")) {
		if !bytes.Contains(document, []byte("kind: MPIJob\n")) {
			continue
		}
		var j mpi.MPIJob
		if err := yaml.UnmarshalStrict(document, &j); err != nil {
			return err
		}
		mpi.SetDefaults_MPIJob(&j)
		if err := validation.ValidateMPIJob(&j).ToAggregate(); err != nil {
			return err
		}
		jobs++
	}
	if jobs == 0 {
		return fmt.Errorf("there is no MPIJob")
	}
	return nil
}
