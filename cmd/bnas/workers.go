package main

import (
	"cmp"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"

	"github.com/urfave/cli/v2"

	"bnas.example/cluster"
	"bnas.example/internal/hardware"
	"bnas.example/run"
)

// workerFlags are the flags of a command whose architectures several processes can score.
func workerFlags() []cli.Flag {
	return []cli.Flag{
		workersFlag("score in `N` processes of this machine"),
		gpusFlag,
		&cli.StringFlag{Name: "listen", Usage: "let workers of other machines join at `HOST:PORT` (bnas worker --join)", DefaultText: "nothing listens", Category: catWorkers},
		tokenFlag(catWorkers),
		natsFlag(catWorkers),
	}
}

func workersFlag(usage string) cli.Flag {
	f := optionalInt("workers", usage, 1, 1024)
	f.Category = catWorkers
	return f
}

func tokenFlag(category string) cli.Flag {
	return &cli.StringFlag{Name: "token", Usage: "the secret `TEXT` that the coordinator and its workers share; better in BNAS_TOKEN, which other users do not see", DefaultText: "the coordinator draws one and prints it", Category: category}
}

func natsFlag(category string) cli.Flag {
	return &cli.StringFlag{Name: "nats", Usage: "workers meet at the NATS server, or cluster, at `URL`", DefaultText: "none: the server is in the coordinator", Category: category}
}

// crewOf returns the workers that the flags ask for; nil: this process scores.
func crewOf(c *cli.Context) (*cluster.Crew, error) {
	k := &cluster.Crew{
		Local: c.Int("workers"), Listen: c.String("listen"), Token: c.String("token"), NATS: c.String("nats"),
		Options: cluster.Options{Version: identity()},
	}
	token := onCommandLine(c, "token")
	switch {
	case token && k.NATS != "":
		return nil, errTokenOfNATS
	case token && k.Listen == "":
		return nil, usagef("--token has an effect only with --listen")
	case k.NATS != "" && k.Listen != "":
		return nil, usagef("--nats: workers of other machines come to that server (bnas worker --nats): leave out --listen")
	case k.Listen != "" && k.Token == "" && c.Bool("quiet"):
		return nil, usagef("--listen with --quiet needs --token: the one that is drawn would not be shown")
	case k.Local == 0 && k.Listen == "" && k.NATS == "" && c.String(gpusFlag.Name) == "":
		return nil, nil
	}
	return k, nil
}

// errTokenOfNATS is the error of a token beside a server that is there already.
var errTokenOfNATS = usagef("--nats: the URL has the token of the server, nats://TOKEN@HOST:PORT; leave out --token")

// asksForWorkers reports whether the command line asks for workers, and no variable.
func asksForWorkers(c *cli.Context) bool {
	return slices.ContainsFunc([]string{"workers", gpusFlag.Name, "listen", "nats"}, func(flag string) bool { return onCommandLine(c, flag) })
}

// hire starts the workers that the flags ask for, and gives the run to them. done ends them. The board is that of the folder in which
// the scores are kept: dir, or the run's; nil: there is none. With alone nobody is hired, whatever variables ask for.
func hire(c *cli.Context, r *run.Run, dir string, alone bool) (b *board, done func(), err error) {
	k, err := crewOf(c)
	if err != nil {
		return nil, nil, err
	}
	if alone {
		k = nil
	}
	if dir = cmp.Or(dir, r.Dir); dir != "" {
		b = boardIn(dir, k)
	}
	if k == nil {
		return b, b.end, nil
	}
	gpus, err := gpusFor(c, r.Config)
	if err != nil {
		return nil, nil, err
	}
	if k.Local = cmp.Or(k.Local, len(gpus)); k.Local == 0 && k.Listen == "" && k.NATS == "" { // --gpus is for a GPU, and there is none
		return b, b.end, nil
	}
	threads := shareOfCores(r.Config.Threads, k.Local)
	k.Command = func(place int) *exec.Cmd {
		p := workerProcess(threads, gpus.flags(place), k.Token, k.NATS)
		p.Env = append(p.Env, gpus.sharers(place, k.Local))
		return p
	}
	if err := k.Start(); err != nil {
		return nil, nil, err
	}
	if !c.Bool("quiet") && k.Local > 0 {
		sayWorkers(k.Local, threads, gpus)
	}
	if address := k.Address(); address != "" {
		slog.Info("others join: bnas worker --join nats://" + reachable(address) + " --token " + k.Token)
	}
	r.Workers = k.Open
	return b, func() { b.end(); k.Close() }, nil
}

// reachable is where others join a server that listens at an address. One of every network of this machine is shown by its first
// address beyond the machine.
func reachable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err != nil || !ip.IsUnspecified() {
		return address
	}
	here, _ := net.InterfaceAddrs()
	host = "127.0.0.1"
	for _, a := range here {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() && n.IP.To4() != nil {
			host = n.IP.String()
			break
		}
	}
	return net.JoinHostPort(host, port)
}

// sayWorkers logs what the workers of this machine have.
func sayWorkers(n, threads int, gpus gpuList) {
	with := []any{"processes", n, "threads of each", threads}
	if gpus != nil {
		with = append(with, "GPUs", fmt.Sprint([]int(gpus)))
	}
	slog.Info("workers", with...)
}

// shareOfCores is the number of threads of each of n workers: together they have those of the command, or one each.
func shareOfCores(threads, n int) int { return max(1, cmp.Or(threads, hardware.Cores())/max(n, 1)) }

// workerProcess returns the command of a worker of this machine. Other users do not see its environment.
func workerProcess(threads int, gpu []string, token, nats string) *exec.Cmd {
	p := sameProgram(threads, append([]string{"worker", "--join", overPipes, "--threads", fmt.Sprint(threads), "--quiet"}, gpu...)...)
	p.Env = append(p.Env, variableOf("token")+"="+token, variableOf("nats")+"="+nats)
	return p
}

// sameProgram returns a command of this program, which the signals of the terminal do not reach. Its garbage collector and its scheduler
// too have so many threads: those of every core, in each of several processes, take the cores from each other.
func sameProgram(threads int, args ...string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	p := exec.Command(self, args...)
	p.Args[0] = os.Args[0]
	p.Env = append(os.Environ(), fmt.Sprintf("GOMAXPROCS=%d", min(threads, runtime.GOMAXPROCS(0))))
	ownGroup(p)
	return p
}
