package main

import (
	"net/url"
	"os"
	"strconv"

	"github.com/nats-io/nats-server/v2/server"
)

// natsServer is a program of the tests, a NATS server with JetStream on this machine: natsServer NAME FOLDER PORT [CLUSTER-PORT...].
// With ports of a cluster, the first is its own.
func natsServer() {
	o := &server.Options{ServerName: os.Args[1], StoreDir: os.Args[2], JetStream: true, Host: "127.0.0.1", NoLog: true}
	var err error
	if o.Port, err = strconv.Atoi(os.Args[3]); err != nil {
		panic(err)
	}
	for i, port := range os.Args[4:] {
		if i == 0 {
			own, err := strconv.Atoi(port)
			if err != nil {
				panic(err)
			}
			o.Cluster = server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: own}
			continue
		}
		o.Routes = append(o.Routes, &url.URL{Scheme: "nats", Host: "127.0.0.1:" + port})
	}
	s, err := server.NewServer(o)
	if err != nil {
		panic(err)
	}
	s.Start()
	s.WaitForShutdown()
}
