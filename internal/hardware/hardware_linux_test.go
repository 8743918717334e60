package hardware

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// childKey asks the test's program, which is started again in a cgroup, for its memory and its cores.
const childKey = "HARDWARE_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childKey) != "" {
		fmt.Print(Memory(), Cores(), Quota())
		return
	}
	os.Exit(m.Run())
}

// child starts the test's program again, with more in its environment, in the cgroup of a file.
func child(t *testing.T, cgroup string, env ...string) (memory int64, cores int, quota bool) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command("sh", "-c", `echo $$ > "$1" && ulimit -v ${ADDRESSES:-unlimited} && exec "$2"`, "sh", cgroup, program)
	c.Env = append(os.Environ(), append(env, childKey+"=1")...)
	out, err := c.Output()
	if err == nil {
		_, err = fmt.Sscan(string(out), &memory, &cores, &quota)
	}
	if err != nil {
		t.Fatalf("%v: %q", err, out)
	}
	return memory, cores, quota
}

// TestMemoryOfTheMachine: without a limit it is the total of /proc/meminfo, with one less than that.
func TestMemoryOfTheMachine(t *testing.T) {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		t.Skip(err)
	}
	var kib int64
	if _, err := fmt.Sscanf(string(text), "MemTotal: %d kB", &kib); err != nil {
		t.Fatal(err)
	}
	if got := Memory(); got <= 0 || got > kib<<10 {
		t.Errorf("%d bytes of %d", got, kib<<10)
	}
	if !Holds(1<<10) || Holds(int(kib<<10)/4+1) {
		t.Error("Holds disagrees with Memory")
	}
}

// TestMemoryOfAJob: a process in a cgroup has its limit, and that of the group above it if this is less.
func TestMemoryOfAJob(t *testing.T) {
	const outer, inner = 256 << 20, 512 << 20
	base, file := cgroups(t)
	job := filepath.Join(base, fmt.Sprintf("bnas-test-%d", os.Getpid()))
	task := filepath.Join(job, "task")
	for _, of := range []struct {
		dir   string
		limit int
	}{{job, outer}, {task, inner}} {
		if err := os.Mkdir(of.dir, 0o777); err != nil {
			t.Skipf("no cgroup can be made here: %v", err)
		}
		defer os.Remove(of.dir)
		if err := os.WriteFile(filepath.Join(of.dir, file), fmt.Append(nil, of.limit), 0o666); err != nil {
			t.Skipf("no limit of memory can be set here: %v", err)
		}
		if of.dir == job {
			os.WriteFile(filepath.Join(job, "cgroup.subtree_control"), []byte("+memory"), 0o666) // cgroups 1 need and have none
		}
	}
	if got, _, _ := child(t, filepath.Join(task, "cgroup.procs")); got != outer {
		t.Errorf("%d bytes, want %d", got, outer)
	}
}

// TestMemoryOfALimit: ulimit -v limits it, in KiB.
func TestMemoryOfALimit(t *testing.T) {
	const kib = 4 << 20
	if got, _, _ := child(t, os.DevNull, fmt.Sprint("ADDRESSES=", kib)); got != min(kib<<10, Memory()) {
		t.Errorf("%d bytes of %d", got, Memory())
	}
}

// TestCores: GOMAXPROCS lowers the number of cores, and is no quota.
func TestCores(t *testing.T) {
	for value, want := range map[string]int{"": runtime.NumCPU(), "1": 1, "5000": runtime.NumCPU()} {
		_, cores, quota := child(t, os.DevNull, "GOMAXPROCS="+value)
		if quota && value == "" {
			t.Skip("this machine has a quota") // of which nobody but Go's runtime knows
		}
		if cores != want || quota {
			t.Errorf("GOMAXPROCS=%s: %d cores, quota %t; want %d", value, cores, quota, want)
		}
	}
}

// cgroups returns a folder of cgroups that limit memory, and the name of the file of the limit.
func cgroups(t *testing.T) (dir, file string) {
	t.Helper()
	const v1, v2 = "/sys/fs/cgroup/memory", "/sys/fs/cgroup"
	if _, err := os.Stat(v1 + "/cgroup.procs"); err == nil {
		return v1, "memory.limit_in_bytes"
	}
	if has, err := os.ReadFile(v2 + "/cgroup.subtree_control"); err == nil && strings.Contains(string(has), "memory") {
		return v2, "memory.max"
	}
	t.Skip("there are no cgroups that limit memory")
	return "", ""
}
