package train

import (
	"encoding/binary"
	"errors"
	"log"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"tapenet/train/data"

	"tapenet/cmd/internal/cli"
)

// folder is for a dataset that all tests use.
var folder string

// TestMain is the command itself in a process that asks for it, so that signals
// and exit codes are real.
func TestMain(m *testing.M) {
	if os.Getenv("TAPENET_TEST_COMMAND") != "" {
		cli.Main(Command)
	}
	var err error
	if folder, err = os.MkdirTemp("", "data"); err != nil {
		log.Fatal(err)
	}
	code := m.Run()
	os.RemoveAll(folder)
	os.Exit(code)
}

// digits returns a folder with the first 1500 training and 500 test images of
// MNIST: it loads faster.
func digits(t *testing.T) (dir string) {
	t.Helper()
	if err := writeDigits(); err != nil {
		t.Fatal(err)
	}
	return folder
}

var writeDigits = sync.OnceValue(func() error {
	d, err := data.MNIST()
	if err != nil {
		return err
	}
	return errors.Join(write("train", d.Train, 1500), write("t10k", d.Test, 500))
})

// write writes the first n samples as a pair of IDX files.
func write(part string, s data.Samples, n int) error {
	images := binary.BigEndian.AppendUint32([]byte{0, 0, 8, 3}, uint32(n))
	images = append(images, 0, 0, 0, 28, 0, 0, 0, 28)
	labels := binary.BigEndian.AppendUint32([]byte{0, 0, 8, 1}, uint32(n))
	x := make([]float32, 28*28)
	for i := range n {
		class, err := s.Read(i, x)
		if err != nil {
			return err
		}
		labels = append(labels, byte(class))
		for _, v := range x {
			images = append(images, byte(v*255+0.5))
		}
	}
	return errors.Join(
		os.WriteFile(filepath.Join(folder, part+"-images-idx3-ubyte"), images, 0o644),
		os.WriteFile(filepath.Join(folder, part+"-labels-idx1-ubyte"), labels, 0o644))
}

// quick are the flags of a run that takes a moment, without what lenet5's recipe
// changes, and others after them.
func quick(t *testing.T, others ...string) []string {
	t.Helper()
	return append([]string{"-data", digits(t), "-model", "lenet5", "-limit", "200", "-epochs", "1",
		"-lr", "0", "-schedule", "constant", "-augment", "none"}, others...)
}
