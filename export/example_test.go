package export_test

import (
	"fmt"
	"log"
	"strings"

	"bnas.example/export"
	"bnas.example/kernels/ref"
	"bnas.example/supernet"
)

// An untrained network leaves in two formats.
func Example() {
	net, err := supernet.New(supernet.Config{Space: "nas-bench-macro", Height: 8, Width: 8, Channels: 4})
	if err != nil {
		log.Fatal(err)
	}
	a, err := net.Space.Parse("01020000")
	if err != nil {
		log.Fatal(err)
	}
	device := ref.New()
	defer device.Close()
	store, err := device.NewStore(net.Params())
	if err == nil {
		err = net.Fill(store)
	}
	if err != nil {
		log.Fatal(err)
	}
	p, err := net.Program(a)
	if err != nil {
		log.Fatal(err)
	}
	network, err := net.StateDict(store, a, supernet.NewStatistics(p))
	if err != nil {
		log.Fatal(err)
	}
	model, err := export.ONNX(network, net.Metadata(a), true)
	if err != nil {
		log.Fatal(err)
	}
	code, err := export.Torch(network, net.Metadata(a), "net.safetensors")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("kilobytes of ONNX:", len(model)/1000)
	for line := range strings.Lines(string(code)) {
		if strings.Contains(line, "features_") && strings.Contains(line, " = ") {
			fmt.Println(strings.TrimSpace(line))
		}
	}
	// Output:
	// kilobytes of ONNX: 255
	// features_0 = self["features.0"](stem_1)
	// features_1 = self["features.1"](features_0)
	// features_2 = self["features.2"](features_1)
	// features_3 = self["features.3"](features_2)
	// features_4 = self["features.4"](features_3)
	// features_5 = self["features.5"](features_4)
	// features_6 = self["features.6"](features_5)
	// features_7 = self["features.7"](features_6)
	// out_1 = self["out.1"](self["out.0"](features_7))
}
