//go:build mpi && linux && (amd64 || arm64)

package train

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"tapenet/graph"
	"tapenet/modelzoo"
)

// withDropout is the zoo and one network more: no network of the zoo has Dropout.
func withDropout(name string) (modelzoo.Spec, error) {
	if name != "dropout" {
		return modelzoo.Lookup(name)
	}
	return modelzoo.Spec{Name: name, Input: [3]int{1, 28, 28}, New: func(classes int) graph.Layer {
		return graph.Sequential{
			graph.Conv2D{Filters: 8, Kernel: 5, NoBias: true}, graph.BatchNorm{}, graph.ReLU, // (N,8,24,24)
			graph.MaxPool2D{Size: 2}, graph.Dropout{Rate: 0.1}, // (N,8,12,12)
			graph.Conv2D{Filters: 16, Kernel: 3, NoBias: true}, graph.BatchNorm{}, graph.ReLU, // (N,16,10,10)
			graph.MaxPool2D{Size: 2}, graph.Flatten{}, // (N,400)
			graph.Dense{Units: 32, Activation: graph.ReLU}, graph.Dropout{Rate: 0.5}, // (N,32)
			graph.Dense{Units: classes}, // (N,classes)
		}
	}}, nil
}

func init() { lookup = withDropout }

// everything is the settings that the command has, all at once.
const everything = "-mixup 0.3 -smoothing 0.1 -clip 1 -accumulate 3 -average 0.9 -augment shift=0.1,rotate=10 -val 0.2 -normalise -decay 0.01 -schedule onecycle -optimizer adamw -keep 2"

// nets are what has one hash: by turns all of the zoo's ways to compute, settings, and
// batches that lanes do not divide.
var nets = []struct {
	flags string
	short bool // in the short form too
}{
	{"-model dropout -limit 403 -epochs 2 -batch 50", true},
	{"-model convnet -limit 300 -epochs 2 -batch 64", false},
	{"-model cnn -limit 203 -epochs 2 -batch 40", false},
	{"-model resnet20 -height 16 -width 16 -channels 3 -limit 50 -epochs 1 -batch 20", false},
	{"-model mobilenetv2-0.35 -height 32 -width 32 -channels 3 -limit 34 -epochs 1 -batch 16", false},
	{"-model mlpmixer-0.25 -height 32 -width 32 -channels 3 -limit 50 -epochs 1 -batch 24", false},
	{"-model dropout -limit 250 -epochs 3 -batch 24 " + everything, false},
	{"-model lenet5 -limit 300 -epochs 12 -batch 100 -lr 0.1 -patience 1 -optimizer sgd -schedule plateau:1:0.5", false},
}

// mpiArgs are the flags of a run on the tests' digits, or for networks of colour
// pictures on a folder of them.
func mpiArgs(t *testing.T, flags string, others ...string) []string {
	t.Helper()
	dir := digits(t)
	if strings.Contains(flags, "-height") {
		dir = pictures(t, 80)
	}
	return append(append([]string{"-data", dir, "-report=false", "-timeout", "60s"}, strings.Fields(flags)...), others...)
}

// TestMPIOneHash: the weights and the optimizer's state are the same for any number of
// ranks, on both libraries, with one thread a rank or two, and without MPI.
func TestMPIOneHash(t *testing.T) {
	needLaunchers(t)
	type form struct{ ranks, threads int }
	forms := []form{{1, 1}, {2, 2}, {3, 1}, {5, 1}}
	if long() {
		forms = []form{{1, 1}, {1, 2}, {2, 1}, {2, 2}, {3, 1}, {3, 2}, {4, 1}, {5, 2}, {8, 1}}
	}
	addRow(t, "\n| flags | SHA-256 of weights and optimizer, alone with -lanes 8 | the same on Open MPI | on MPICH |\n|---|---|---|---|")
	for _, net := range nets {
		if !net.short && !long() {
			continue
		}
		t.Run(strings.Fields(net.flags)[1], func(t *testing.T) {
			args := mpiArgs(t, net.flags)
			want := alone(t, args...)
			row := ""
			for _, l := range launchers {
				var same []string
				for _, f := range forms {
					j := l.launchWith(t, f.ranks, []string{fmt.Sprint("GOMAXPROCS=", f.threads)}, nil, append(args, "-out", filepath.Join(t.TempDir(), "x"))...)
					if got := j.sum(); got != want {
						t.Errorf("%d ranks of %d threads on %s: hash %s, want %s as without MPI:\n%s", f.ranks, f.threads, l.name, got, want, j.all())
						continue
					}
					ranks := strings.Replace(fmt.Sprintf("%d ranks", f.ranks), "1 ranks", "1 rank", 1)
					if who := fmt.Sprintf("batches in 8 lanes on %s of %s ", ranks, l.name); !strings.Contains(j.out.String(), who) {
						t.Errorf("no %q:\n%s", who, j.all())
					}
					if strings.Contains(j.out.String(), "\x1b") {
						t.Errorf("a progress bar in what is no terminal:\n%s", j.all())
					}
					same = append(same, fmt.Sprintf("%d×%d", f.ranks, f.threads))
				}
				row += " " + strings.Join(same, " ") + " |"
			}
			addRow(t, "| `%s` | `%s` |%s", net.flags, want, row)
		})
	}
}

// TestMPIChain stops a run in the middle of an epoch, and goes on with another number of
// ranks on the other library, five times: the hash is that of a run without a break.
func TestMPIChain(t *testing.T) {
	needLong(t)
	needLaunchers(t)
	const flags = "-model dropout -limit 600 -epochs 60 -batch 48 -patience 50 " + everything
	args := mpiArgs(t, flags)
	want := alone(t, args...)
	args = append(args, "-out", filepath.Join(t.TempDir(), "x"))
	steps, stopped, last := "", 0, ""
	for i, n := range []int{3, 2, 4, 1, 8, 3} {
		l := launchers[i%2]
		j := l.launch(t, n, slices.Concat(args, resumed(i > 0))...)
		steps += fmt.Sprintf(" %d on %s,", n, l.name)
		if i < 5 {
			j.until("validation accuracy")
			j.signal(j.Process.Pid, syscall.SIGUSR1)
			stopped++
			if code, _ := j.end(noHang); !stoppedCode(l, code) || !strings.Contains(j.out.String(), "with -resume goes on from here") {
				t.Fatalf("exit code %d, want an error and a saved run:\n%s", code, j.all())
			}
			continue
		}
		last = j.sum()
	}
	if last != want {
		t.Errorf("hash %s after%s want %s as without a break", last, steps, want)
	}
	addRow(t, "\n%d stops and restarts:%s of `%s`: `%s`, as alone without a stop.", stopped, steps, flags, last)
}

// resumed is the flag that goes on with a run.
func resumed(on bool) []string {
	if !on {
		return nil
	}
	return []string{"-resume"}
}
