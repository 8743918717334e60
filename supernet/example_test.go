package supernet_test

import (
	"fmt"
	"log"

	"bnas.example/supernet"
)

// An architecture is read from its text. Its canonical form and its costs need no network.
func ExampleSpace() {
	space, err := supernet.Lookup("nas-bench-201")
	if err != nil {
		log.Fatal(err)
	}
	arch, err := space.Parse("|nor_conv_3x3~0|+|skip_connect~0|none~1|+|avg_pool_3x3~0|none~1|nor_conv_1x1~2|")
	if err != nil {
		log.Fatal(err)
	}
	cost := space.Cost(arch, space.Defaults())
	fmt.Println("options:", arch)
	fmt.Println("canonical form:", space.Canonical(arch))
	fmt.Println("live:", space.Alive(arch))
	fmt.Printf("%d parameters, %d multiply-adds, %d γ and β\n", cost.Params, cost.MACs, cost.BNParams)
	// Output:
	// options: [3 1 0 4 0 2]
	// canonical form: #+(#+0)@nor_conv_1x1+(0)@avg_pool_3x3
	// live: true
	// 344346 parameters, 47104640 multiply-adds, 5024 γ and β
}

// A Net has the parameters of all architectures of a space. Program lowers one architecture.
func ExampleNet() {
	net, err := supernet.New(supernet.Config{Space: "nas-bench-201", BN: supernet.Fair, Channels: 4, Cells: 1})
	if err != nil {
		log.Fatal(err)
	}
	first := net.Space.(supernet.Ordered).At(0)
	program, err := net.Program(first)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("parameters of the supernet:", len(net.Params()))
	fmt.Println("architecture:", net.Space.Format(first))
	fmt.Println("steps:", len(program.Steps), "BatchNorms:", len(program.BNs))
	// Output:
	// parameters of the supernet: 201
	// architecture: |avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|
	// steps: 24 BatchNorms: 24
}
