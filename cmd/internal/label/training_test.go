package label

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"tapenet/cmd/internal/cli"
	traincommand "tapenet/cmd/internal/train"
	"tapenet/infer"
	"tapenet/train"
)

// TestMain is the command train, or what takes its place, in a process that is started
// as train.
func TestMain(m *testing.M) {
	if how := os.Getenv("TAPENET_TEST_TRAIN"); how != "" {
		if err := pretend(how, os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, "train:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if len(os.Args) > 1 && os.Args[1] == traincommand.Command.Name {
		cli.Main(Command, traincommand.Command)
	}
	os.Exit(m.Run())
}

// pretend behaves as train does in one way.
func pretend(how string, args []string) error {
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt)
	out := args[slices.Index(args, "-out")+1]
	switch how {
	case "fail":
		return errors.New("data: one class, want two or more")
	case "read":
		<-interrupted
		return errors.New("stopped")
	}
	fmt.Fprintln(os.Stderr, "read 4 pictures in 1ms, 4000 a second\nphotos: 3 training and 1 test images of (3,8,8), 2 classes")
	for n := range 3 {
		fmt.Fprintf(os.Stderr, "epoch %d/3  loss 0.5\n", n+1)
		if err := json.NewEncoder(os.Stdout).Encode(train.Epoch{Epoch: n + 1, ValAccuracy: 0.25 * float64(n+1)}); err != nil {
			return err
		}
		if n == 1 && how == "stop" {
			<-interrupted
			fmt.Fprintln(os.Stderr, "saved "+filepath.Join(out, train.CheckpointFile)+"; the same command with -resume goes on from here")
			return errors.New("stopped")
		}
	}
	return writeModel(out, []string{"sea", "town"})
}

// pretending has pretend take train's place.
func pretending(t *testing.T, how string) {
	t.Helper()
	t.Setenv("TAPENET_TEST_TRAIN", how)
}

// TestTraining: a training is followed, and its model makes the guesses from then on.
func TestTraining(t *testing.T) {
	s := start(t, options{data: photos(t)})
	pretending(t, "well")
	go s.guesses.work(t.Context())
	if a := ask(t, s, "POST", "/train", ""); a.Training.State != preparing {
		t.Errorf("training is %+v, want it prepared", a.Training)
	}
	a := waitFor(t, s, func(a stateAnswer) bool { return a.Training.State == ended && a.Guessed == 6 })
	if a.Training.Epochs != 3 || a.Training.Last.Epoch != 3 || a.Training.Last.ValAccuracy != 0.75 || a.Model != s.training.out {
		t.Errorf("training %+v of %q, want three epochs, and the run as the model", a.Training, a.Model)
	}
	if !strings.Contains(a.Training.Said, "go run ./cmd/serve -model "+s.training.out) {
		t.Errorf("it says %q, want how to serve the run", a.Training.Said)
	}
	refused(t, s, http.StatusConflict, "no training is going on", "POST", "/stop", "")
}

// TestShell: a folder's name may have spaces.
func TestShell(t *testing.T) {
	if got, want := shell("-data", "my photos", "it's", "runs/a b", "a/b-c_d.e"), `-data 'my photos' 'it'\''s' 'runs/a b' a/b-c_d.e`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestTrainingFails: the one line that train says is on the page.
func TestTrainingFails(t *testing.T) {
	s := start(t, options{data: photos(t)})
	pretending(t, "fail")
	ask(t, s, "POST", "/train", "")
	a := waitFor(t, s, func(a stateAnswer) bool { return a.Training.State == failed })
	if got, want := a.Training.Said, "The training failed: data: one class, want two or more"; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
	ask(t, s, "POST", "/move", moveTo(id(t, s, "sea/1.png"), "town"))
}

// TestTrainingOfOneClass: there is nothing to tell apart.
func TestTrainingOfOneClass(t *testing.T) {
	dir := photos(t)
	if err := os.RemoveAll(filepath.Join(dir, "town")); err != nil {
		t.Fatal(err)
	}
	refused(t, start(t, options{data: dir}), http.StatusConflict, "want them in two or more", "POST", "/train", "")
}

// TestTrainingReads: pictures stay where they are while train reads them.
func TestTrainingReads(t *testing.T) {
	s := start(t, options{data: photos(t)})
	pretending(t, "read")
	ask(t, s, "POST", "/train", "")
	refused(t, s, http.StatusConflict, "already", "POST", "/train", "")
	refused(t, s, http.StatusConflict, "reads the pictures", "POST", "/move", moveTo(id(t, s, "sea/1.png"), "town"))
	refused(t, s, http.StatusConflict, "reads the pictures", "POST", "/remove", `{"id":"`+id(t, s, "sea/1.png")+`"}`)
	refused(t, s, http.StatusConflict, "reads the pictures", "POST", "/undo", "")
	a := ask(t, s, "POST", "/stop", "")
	if a.Training.State != stopped || strings.Contains(a.Training.Said, "-resume") {
		t.Errorf("training %+v, want it stopped, with nothing to resume", a.Training)
	}
	ask(t, s, "POST", "/move", moveTo(id(t, s, "sea/1.png"), "town"))
}

// TestTrainingStops: one that is stopped in its middle says how to go on, and so does
// one that ends with label.
func TestTrainingStops(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no interrupts")
	}
	s := start(t, options{data: photos(t), from: "x.onnx"})
	pretending(t, "stop")
	middle := func(a stateAnswer) bool { return a.Training.Last != nil && a.Training.Last.Epoch == 2 }
	ask(t, s, "POST", "/train", "")
	waitFor(t, s, middle)
	ask(t, s, "POST", "/move", moveTo(id(t, s, "sea/1.png"), "town")) // they are read
	a := ask(t, s, "POST", "/stop", "")
	if a.Training.State != stopped || !strings.Contains(a.Training.Said, "-from x.onnx -resume") {
		t.Errorf("training %+v, want it stopped, and how to go on", a.Training)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var out, notes strings.Builder
	listened := make(chan error, 1)
	go func() { listened <- s.listen(ctx, "127.0.0.1:0", &out, &notes) }()
	ask(t, s, "POST", "/train", "")
	waitFor(t, s, middle)
	cancel()
	if err := <-listened; err != nil || !strings.Contains(out.String(), "-resume goes on with it") {
		t.Errorf("label ends with %v and says %q, want how to go on", err, out.String())
	}
}

// TestTrain trains by the command train itself.
func TestTrain(t *testing.T) {
	s := start(t, options{data: photos(t)})
	ask(t, s, "POST", "/train", "")
	for s.training.now().State == preparing || s.training.now().State == going {
		time.Sleep(50 * time.Millisecond)
	}
	if a := ask(t, s, "GET", "/state", ""); a.Training.State != ended {
		t.Fatalf("training %+v, want it done", a.Training)
	}
	p, err := infer.Load(s.training.out)
	if err != nil || strings.Join(p.Classes, " ") != "sea town" {
		t.Errorf("model %v, %v, want one of sea and town", p, err)
	}
}
