//go:build linux

package torture

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tapenet/train"
)

// killed are the runs that are killed.
var killed = []struct {
	flags    string
	launcher string // that starts three ranks; "" for one process
}{
	{"-model lenet5 -data DIGITS/idx -epochs 4 -optimizer adam -checkpoint 20ms", ""},
	{"-model mlp -data DIGITS/idx -epochs 4 -optimizer sgd -schedule cosine:1 -augment shift=0.1,rotate=10 -mixup 0.2 -accumulate 3 -average 0.9 -keep 2 -batch 16", ""},
	{"-model convnet -data DIGITS/pictures -epochs 3 -optimizer lion -schedule step:1 -augment elastic -val 0.2 -patience 2 -checkpoint 100ms", ""},
	{"-model smallcnn -data DIGITS/idx -epochs 2 -optimizer adamw -schedule onecycle -batch 16 -limit 64 -checkpoint 1ms -keep 1", ""},
	{"-model lenet5 -data DIGITS/shards -epochs 6 -optimizer rmsprop -schedule plateau:1 -patience 1 -normalise -lanes 4", ""},
	{"-model mlp -data DIGITS/idx -epochs 1 -optimizer nadam -schedule constant -batch 2 -limit 120 -checkpoint 20ms -average 0.99", ""},
	{"-model lenet5 -data DIGITS/pictures -epochs 4 -optimizer adagrad -schedule exponential -cutmix 1 -clip 1 -smoothing 0.1 -val 0.25 -calibrate -unknown energy", ""},
	{"-model convnet -data DIGITS/idx -epochs 3 -optimizer sgd -schedule cooldown:1 -label-noise 0.2 -gce 0.7 -balance sample -keep 5 -checkpoint 200ms", ""},
	{"-model lenet5 -data DIGITS/idx -epochs 3 -adversarial fgsm -eps 0.1 -ramp 1 -val 0.2 -patience 3 -checkpoint 50ms", ""},
	{"-from TEACHER -data DIGITS/idx -epochs 3 -unfreeze all -unfreeze-epochs 3 -val 0.2 -checkpoint 50ms", ""},
	{"-model lenet5 -teacher TEACHER -data DIGITS/shards -epochs 3 -augment noise -average 0.9 -accumulate 2 -checkpoint 50ms", ""},
	{"-model smallcnn -data DIGITS/idx -limit 64 -epochs 3 -augment shift=0.1 -mixup 0.2 -checkpoint 50ms", "mpirun.openmpi"},
	{"-model convnet -data DIGITS/shards -epochs 3 -optimizer lion -val 0.2 -patience 2 -keep 2 -checkpoint 50ms", "mpirun.mpich"},
}

// TestTortureKill kills runs at random moments and goes on with them, until they are
// complete: they come to the bits of a run that nobody killed.
func TestTortureKill(t *testing.T) {
	Part{
		Name: "kill", Short: 4, Full: 1000,
		Failure:   "kill -9 of a run, or of one or all of its ranks, at a random moment, then -resume; up to four times a run",
		Guarantee: "what is in the folder is whole; model, best model, checkpoint and history are bit for bit those of an uninterrupted run; no temporary file is left",
	}.Run(t, func(t *testing.T, number int) string {
		random := rand.New(rand.NewPCG(uint64(number), 1))
		k := killed[number%len(killed)]
		if k.launcher != "" {
			need(t, k.launcher, "openmpi-bin mpich")
		}
		straight := uninterrupted(t, number%len(killed))
		dir := filepath.Join(t.TempDir(), "run")
		kills := 0
		for most := 1 + random.IntN(4); ; {
			j := start(t, k.launcher, dir, k.flags)
			if kills < most {
				moment := time.Duration(random.Float64() * float64(straight.took))
				if j.killed(moment, random) {
					kills++
					whole(t, dir)
					continue
				}
			}
			if e := j.wait(); e.code != 0 {
				t.Fatalf("after %d kills: exit code %d\n%s%s", kills, e.code, e.stdout, e.stderr)
			}
			break
		}
		swept(t, dir)
		same(t, contents(t, dir), straight.contents)
		return fmt.Sprintf("exact after %d kills", kills)
	})
}

// reference is what an uninterrupted run has come to.
type reference struct {
	took     time.Duration
	contents map[string]string
}

// uninterrupted is that of a run that nobody kills.
func uninterrupted(t *testing.T, which int) reference {
	t.Helper()
	return share(t, fmt.Sprint("uninterrupted ", which), func() reference {
		k, dir := killed[which], filepath.Join(shared, fmt.Sprint("uninterrupted-", which))
		e := start(t, k.launcher, dir, k.flags).wait()
		if e.code != 0 {
			t.Fatalf("exit code %d\n%s%s", e.code, e.stdout, e.stderr)
		}
		swept(t, dir)
		return reference{e.took, contents(t, dir)}
	})
}

// job is a run with its processes.
type job struct {
	*exec.Cmd
	t              *testing.T
	mark           string // in the environment of all its processes
	began          time.Time
	ended          chan struct{}
	stdout, stderr bytes.Buffer
}

// mark is the variable that all processes of a job have.
const mark = "TAPENET_TORTURE_JOB"

// start begins a run, or goes on with the one that is in the folder. It takes up what is
// to happen from the flags.
func start(t *testing.T, launcher, dir, flags string) *job {
	t.Helper()
	args := append([]string{program(t, "train", "-tags", "mpi")}, arguments(t, flags)...)
	args = append(args, "-out", dir)
	if train.HasRun(dir) {
		args = append(args, "-resume")
	}
	if launcher == "mpirun.openmpi" {
		args = append([]string{launcher, "--bind-to", "none", "--oversubscribe", "--mca", "pml", "ob1", "--mca", "btl", "self,vader,tcp", "-n", "3"}, args...)
	} else if launcher != "" {
		args = append([]string{launcher, "-n", "3"}, args...)
	}
	j := &job{Cmd: exec.Command(args[0], args[1:]...), t: t, began: time.Now(), ended: make(chan struct{})}
	j.mark = fmt.Sprintf("%s=%d.%d", mark, os.Getpid(), j.began.UnixNano())
	j.Env = append(os.Environ(), "OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1", j.mark)
	j.Stdout, j.Stderr = &j.stdout, &j.stderr
	j.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := j.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { j.Wait(); close(j.ended) }()
	t.Cleanup(func() { j.kill(j.processes()...) })
	return j
}

// processes are those of the job that live, the launcher's among them.
func (j *job) processes() (all []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range files {
		env, err := os.ReadFile(file) // empty once the process has ended
		if err != nil || !bytes.Contains(env, []byte(j.mark)) {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		all = append(all, pid)
	}
	return all
}

func (j *job) kill(pids ...int) {
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
			j.t.Error(err)
		}
	}
}

// killed kills all processes of the job at a moment after its start, or one of them, which
// has to end the others; false: the job ended before.
func (j *job) killed(moment time.Duration, random *rand.Rand) bool {
	j.t.Helper()
	one := random.IntN(2) == 0
	which := random.IntN(100)
	select {
	case <-j.ended:
		return false
	case <-time.After(moment - time.Since(j.began)):
	}
	all := j.processes()
	if one && len(all) > 0 {
		all = all[which%len(all):][:1]
	}
	j.kill(all...)
	return j.wait().code != 0
}

// wait waits until no process of the job is left.
func (j *job) wait() ended {
	j.t.Helper()
	limit := time.After(hang)
	select {
	case <-j.ended:
	case <-limit:
		j.t.Fatalf("%q does not end within %v\n%s%s", strings.Join(j.Args, " "), hang, &j.stdout, &j.stderr)
	}
	took := time.Since(j.began)
	for len(j.processes()) > 0 {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-limit:
			j.t.Fatalf("processes %v of %q are left after %v", j.processes(), strings.Join(j.Args, " "), hang)
		}
	}
	return ended{j.ProcessState.ExitCode(), j.stdout.String(), j.stderr.String(), took}
}
