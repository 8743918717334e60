package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"bnas.example/cuda/driver"
	"bnas.example/run"
)

// gpuState describes a GPU: the parts that are there, the parts that are missing, and the way to get them.
func gpuState(number int) string { return describeGPU(number, run.GPUPresent(), driverVersion()) }

// describeGPU describes a GPU of a machine. present: its driver has a control device. version: that of the kernel module, ""
// if no module tells it; in some containers none does.
func describeGPU(number int, present bool, version string) string {
	installed := "driver " + version
	if version == "" {
		installed = "a driver that does not tell its version"
	}
	switch {
	case !present && version == "":
		return "none: no NVIDIA driver is loaded; install one of version 525 or newer (in a container: run it with --gpus all)"
	case !present:
		return installed + " is loaded but there is no /dev/nvidiactl (in a container: run it with --gpus all)"
	case !driver.Built:
		return fmt.Sprintf("%s, %s; %s", installed, cards(), sibling())
	}
	d, err := driver.Open(number)
	if err != nil {
		return fmt.Sprintf("%s, %s; it does not open: %v", installed, cards(), err)
	}
	defer d.Close()
	p := d.Properties()
	return fmt.Sprintf("%s, compute capability %d.%d, %d SMs, %s of memory, %s free; %s, CUDA %d.%d",
		p.Name, p.Capability/10, p.Capability%10, p.SMs, byteSize(p.Memory), byteSize(p.Free), installed, p.Driver/1000, p.Driver%1000/10)
}

// sibling describes whether bnas-cuda is beside this program.
func sibling() string {
	if _, err := beside(gpuProgram); err == nil {
		return "--device gpu hands over to " + gpuProgram
	}
	return "this bnas computes on the CPU: make cuda builds " + gpuProgram + ", which uses the GPU"
}

var versionPattern = regexp.MustCompile(`\b\d{3}\.\d+(\.\d+)?\b`)

// driverVersion returns the version of the kernel module, or "" if it is not loaded.
func driverVersion() string {
	text, err := os.ReadFile("/proc/driver/nvidia/version")
	if err != nil {
		return ""
	}
	return versionPattern.FindString(string(text))
}

// cards returns the names of the GPUs in the driver's list.
func cards() string {
	files, _ := filepath.Glob("/proc/driver/nvidia/gpus/*/information") // the pattern is well formed
	var names []string
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		if _, rest, ok := strings.Cut(string(text), "Model:"); ok {
			name, _, _ := strings.Cut(rest, "\n")
			names = append(names, strings.TrimSpace(name))
		}
	}
	if len(names) == 0 {
		return "a GPU"
	}
	return strings.Join(names, ", ")
}
