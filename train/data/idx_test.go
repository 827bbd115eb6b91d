package data

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// folder is the content of a dataset's files by name.
type folder map[string][]byte

// with returns a copy in which the file of that name has another content, or is
// absent for nil.
func (f folder) with(name string, content []byte) folder {
	g := folder{}
	for n, c := range f {
		g[n] = c
	}
	g[name] = content
	if content == nil {
		delete(g, name)
	}
	return g
}

// fsys returns the folder as a file system.
func (f folder) fsys() fs.FS {
	m := fstest.MapFS{}
	for name, content := range f {
		m[name] = &fstest.MapFile{Data: content}
	}
	return m
}

// fiveClasses returns ten training and five test samples of 6x7 pixels; sample
// i has class i%5, and its pixels count on where those of the sample before it
// end.
func fiveClasses() folder {
	labels := func(n int) []byte {
		y := make([]byte, n)
		for i := range y {
			y[i] = byte(i % 5)
		}
		return y
	}
	return folder{
		trainImages: idx(ramp(10*6*7), 10, 6, 7),
		trainLabels: idx(labels(10), 10),
		testImages:  idx(ramp(5*6*7), 5, 6, 7),
		testLabels:  idx(labels(5), 5),
	}
}

// ramp returns the bytes 0, 1, … 255, 0, ….
func ramp(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

// idx returns an IDX file of unsigned bytes, whether or not the dimensions fit
// the data.
func idx(data []byte, dims ...uint32) []byte {
	b := []byte{0, 0, 0x08, byte(len(dims))}
	for _, d := range dims {
		b = binary.BigEndian.AppendUint32(b, d)
	}
	return append(b, data...)
}

// pack returns data compressed with gzip.
func pack(data []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(data); err != nil {
		panic(err)
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// writeFolder creates the folder dir with the files of f.
func writeFolder(t testing.TB, dir string, f folder) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range f {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// open returns the dataset in f.
func open(t *testing.T, f folder) Dataset {
	t.Helper()
	d, err := load(f.fsys())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestIDX(t *testing.T) {
	tests := []struct {
		name string
		edit func(name string, content []byte) (string, []byte)
	}{
		{"plain", func(n string, c []byte) (string, []byte) { return n, c }},
		{"gzip", func(n string, c []byte) (string, []byte) { return n + ".gz", pack(c) }},
		{"a dot before idx", func(n string, c []byte) (string, []byte) { return strings.Replace(n, "-idx", ".idx", 1), c }},
		{"a dot and gzip", func(n string, c []byte) (string, []byte) {
			return strings.Replace(n, "-idx", ".idx", 1) + ".gz", pack(c)
		}},
		{"gzip without its ending", func(n string, c []byte) (string, []byte) { return n, pack(c) }},
		{"plain with gzip's ending", func(n string, c []byte) (string, []byte) { return n + ".gz", c }},
		{"two gzip members", func(n string, c []byte) (string, []byte) { return n + ".gz", append(pack(c[:9]), pack(c[9:])...) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := folder{}
			for n, c := range fiveClasses() {
				n, c = tt.edit(n, c)
				f[n] = c
			}
			dir := filepath.Join(t.TempDir(), "five")
			writeFolder(t, dir, f)
			d, err := IDX(dir)
			if err != nil {
				t.Fatal(err)
			}
			if d.Name != "five" || d.Shape != [3]int{1, 6, 7} || d.Train.Len() != 10 || d.Test.Len() != 5 {
				t.Errorf("%q %v with %d and %d samples, want \"five\" [1 6 7] with 10 and 5", d.Name, d.Shape, d.Train.Len(), d.Test.Len())
			}
			if want := []string{"0", "1", "2", "3", "4"}; !slices.Equal(d.Classes, want) {
				t.Errorf("classes %q, want %q", d.Classes, want)
			}
			x := make([]float32, 42)
			class, err := d.Test.Read(4, x)
			if err != nil || class != 4 || x[41] != float32(209)/255 {
				t.Errorf("last test sample: class %d, last pixel %v, error %v; want 4, 209/255 and none", class, x[41], err)
			}
		})
	}
}

func TestIDXColour(t *testing.T) {
	f := fiveClasses().with(trainImages, nil).with(testImages, nil).
		with("train-images-idx4-ubyte", idx(ramp(10*3*2*4), 10, 3, 2, 4)).
		with("t10k-images.idx4-ubyte.gz", pack(idx(ramp(5*3*2*4), 5, 3, 2, 4)))
	d := open(t, f)
	if want := [3]int{3, 2, 4}; d.Shape != want {
		t.Fatalf("shape %v, want %v", d.Shape, want)
	}
	x := make([]float32, 24)
	if _, err := d.Train.Read(1, x); err != nil || x[8] != float32(32)/255 {
		t.Errorf("first pixel of the second channel %v, error %v, want 32/255 and none", x[8], err)
	}
}

func TestIDXClasses(t *testing.T) {
	label := func(train, test byte) folder {
		return folder{
			trainImages: idx([]byte{0}, 1, 1, 1), trainLabels: idx([]byte{train}, 1),
			testImages: idx([]byte{0}, 1, 1, 1), testLabels: idx([]byte{test}, 1),
		}
	}
	tests := []struct {
		name string
		f    folder
		want int
	}{
		{"at least two", label(0, 1), 2},
		{"fewer in the test part", label(6, 0), 7},
		{"as many as a byte can tell", label(255, 255), 256},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if d := open(t, tt.f); len(d.Classes) != tt.want {
				t.Errorf("%d classes, want %d", len(d.Classes), tt.want)
			}
		})
	}
}

// damagedFolders are folders that must not open, each with a part of the error
// that says why.
func damagedFolders() []struct {
	name string
	f    folder
	want string
} {
	good := fiveClasses()
	images, packed := good[trainImages], pack(good[trainImages])
	badSum := slices.Clone(packed)
	badSum[len(badSum)-8] ^= 1
	badFlow := slices.Clone(packed)
	badFlow[10] = 0xff           // a block type that deflate does not have
	noise := make([]byte, 1<<16) // which gzip cannot shrink
	_, _ = rand.NewChaCha8([32]byte{}).Read(noise)
	const max32 = 1<<32 - 1
	return []struct {
		name string
		f    folder
		want string
	}{
		{"empty folder", folder{}, "no " + trainImages + ", " + trainLabels + ", " + testImages + ", " + testLabels + ": want " + mnistFiles},
		{"one missing", good.with(testLabels, nil), "no " + testLabels + ": want " + mnistFiles},
		{"empty file", good.with(trainImages, []byte{}), trainImages + ": the file is cut short"},
		{"half a header", good.with(trainImages, images[:9]), trainImages + ": the file is cut short"},
		{"text", good.with(testImages, []byte("<html>not found</html>")), testImages + ": begins with 3c 68 74, want 00 00 08"},
		{"floats", good.with(trainLabels, append([]byte{0, 0, 0x0d}, good[trainLabels][3:]...)), trainLabels + ": begins with 00 00 0d"},
		{"images as labels", good.with(trainLabels, images), trainLabels + ": 3 dimensions, want one of [1]"},
		{"labels as images", good.with(testImages, good[testLabels]), testImages + ": 1 dimensions, want one of [3 4]"},
		{"no images", good.with(trainImages, idx(nil, 0, 6, 7)), trainImages + ": dimensions [0 6 7], want each at least 1"},
		{"no width", good.with(trainImages, idx(nil, 10, 6, 0)), trainImages + ": dimensions [10 6 0], want each"},
		{"no labels", good.with(testLabels, idx(nil, 0)), testLabels + ": dimensions [0], want each"},
		{"cut data", good.with(trainImages, images[:len(images)-1]), trainImages + ": after 419 of 420 elements: the file is cut short"},
		{"no data", good.with(trainLabels, idx(nil, 8)), trainLabels + ": after 0 of 8 elements: the file is cut short"},
		{"garbage at the end", good.with(trainImages, append(slices.Clone(images), 0)), trainImages + ": more data after the 420 elements"},
		{"garbage in the gzip", good.with(trainImages, pack(append(slices.Clone(images), 0))), trainImages + ": more data after the 420 elements"},
		{"garbage after the gzip", good.with(trainImages, append(slices.Clone(packed), "garbage---"...)), trainImages + ": after 420 of 420 elements: the file is damaged"},
		{"only a gzip magic", good.with(trainImages, packed[:2]), trainImages + ": the file is cut short"},
		{"cut gzip", good.with(trainImages, packed[:len(packed)/2]), "elements: the file is cut short"},
		{"gzip without its sum", good.with(trainImages, packed[:len(packed)-4]), trainImages + ": after 420 of 420 elements: the file is cut short"},
		{"gzip with a wrong sum", good.with(trainImages, badSum), "gzip: invalid checksum"},
		{"broken gzip", good.with(trainImages, badFlow), trainImages + ": the file is damaged, fetch it again: flate"},
		{"terabytes", good.with(trainImages, idx(ramp(84), 1<<24, 1<<10, 1<<10)), trainImages + ": dimensions [16777216 1024 1024] need more than the 100 bytes"},
		{"terabytes in gzip", good.with(trainImages, pack(idx(ramp(84), 1<<24, 1<<10, 1<<10))), "need more than the "},
		{"product of 2^64+2^32", good.with(trainImages, idx(ramp(84), max32, 1<<16, 1<<16)), "need more than the "},
		{"product of 2^64", good.with(trainImages, idx(ramp(84), 1<<31, 1<<31, 4)), "need more than the "},
		{"largest numbers", good.with(trainImages, idx(ramp(80), max32, max32, max32, max32)), "need more than the "},
		{"plausible lie in gzip", good.with(trainImages, pack(idx(noise, 50, 256, 256))), trainImages + ": after 65536 of 3276800 elements: the file is cut short"},
		{"fewer labels", good.with(trainLabels, idx(ramp(9), 9)), trainImages + ": 10 images, want 9, one a label of " + trainLabels},
		{"more labels", good.with(testLabels, idx(make([]byte, 6), 6)), testImages + ": 5 images, want 6"},
		{"parts that differ in shape", good.with(testImages, idx(ramp(5*7*6), 5, 7, 6)), testImages + ": images of (channels, height, width) = (1,7,6), want (1,6,7)"},
		{"label of no class", good.with(testLabels, idx([]byte{0, 1, 5, 3, 4}, 5)), testLabels + ": label 5 of sample 2, want 0 to 4"},
	}
}

func TestIDXErrors(t *testing.T) {
	for _, tt := range damagedFolders() {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			writeFolder(t, dir, tt.f)
			_, err := IDX(dir)
			wantError(t, err, "data: folder ", tt.want)
			if allocated, bound := loadCost(tt.f.fsys()), allocationBound(tt.f, usualExpansion); allocated > bound {
				t.Errorf("allocates %d bytes, want at most %d", allocated, bound)
			}
		})
	}
}

func TestVolume(t *testing.T) {
	const max32 = 1<<32 - 1
	tests := []struct {
		name string
		dims []uint32
		most int
		want int // 0 for an error
	}{
		{"just fits", []uint32{5, 6, 7}, 210, 210},
		{"one too many", []uint32{5, 6, 7}, 209, 0},
		{"wraps to 0", []uint32{1 << 31, 1 << 31, 4}, math.MaxInt, 0},
		{"wraps to 2^33", []uint32{1 << 31, 1<<31 + 1, 4}, math.MaxInt, 0},
		{"largest", []uint32{max32, max32, max32, max32}, math.MaxInt, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := volume(tt.dims, tt.most)
			if got != tt.want || (err == nil) != (tt.want != 0) {
				t.Errorf("volume %d and error %v, want %d (0: an error)", got, err, tt.want)
			}
		})
	}
}

func TestIDXNotRegular(t *testing.T) {
	dir := t.TempDir()
	writeFolder(t, dir, fiveClasses().with(testImages, nil))
	if err := os.Mkdir(filepath.Join(dir, testImages), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := IDX(dir)
	wantError(t, err, "data: folder ", testImages+": found a folder, want a regular file")
}

// TestIDXWellCompressed reads data that deflate shrinks more than the reader
// believes at once: pictures that are small, or blank for the most part.
func TestIDXWellCompressed(t *testing.T) {
	const n, side = 3, 700
	blank := make([]byte, n*side*side)
	spotted := make([]byte, len(blank))
	for i := 0; i < len(spotted); i += 97 {
		spotted[i] = byte(i * i)
	}
	for name, pixels := range map[string][]byte{"blank": blank[:1000000/n*n], "spotted": spotted} {
		rows := uint32(len(pixels) / n)
		f := folder{
			trainImages: pack(idx(pixels, n, 1, rows)), trainLabels: idx(make([]byte, n), n),
			testImages: pack(idx(pixels, n, 1, rows)), testLabels: idx(make([]byte, n), n),
		}
		if ratio := len(pixels) / len(f[trainImages]); ratio <= usualExpansion {
			t.Fatalf("%s: compressed by %d, the test needs more than %d", name, ratio, usualExpansion)
		}
		s := open(t, f).Train.(*inMemory)
		if !bytes.Equal(s.pixels, pixels) {
			t.Errorf("%s: the pixels differ from those written", name)
		}
		if cap(s.pixels) > len(pixels)+len(pixels)/8 {
			t.Errorf("%s: keeps %d bytes for %d pixels", name, cap(s.pixels), len(pixels))
		}
	}
}

// TestIDXBomb: a small file of very many blank pictures is not unpacked.
func TestIDXBomb(t *testing.T) {
	pixels := make([]byte, 64<<20)
	f := fiveClasses().with(trainImages, pack(idx(pixels, 64, 1024, 1024))).with(trainLabels, idx(bytes.Repeat([]byte{0, 1, 2, 4}, 16), 64))
	_, err := load(f.fsys())
	wantError(t, err, trainImages+": ", "a compressed file is unpacked to 64 times its size: if it is a sound one, gunzip it first")
	if cost := loadCost(f.fsys()); cost > 4<<20 {
		t.Errorf("allocates %d bytes for a file of %d", cost, len(f[trainImages]))
	}
	if d := open(t, f.with(trainImages, idx(pixels, 64, 1024, 1024)).with(testImages, idx(pixels[:5<<20], 5, 1024, 1024))); d.Train.Len() != 64 {
		t.Errorf("unpacked it has %d pictures, want 64", d.Train.Len())
	}
}

// withMemory sets the memory that the machine has, until the test ends.
func withMemory(t *testing.T, n int) {
	before := available
	t.Cleanup(func() { available = before })
	available = func() (int, bool) { return n, true }
}

// TestSparse: files with holes, of more than the machine's memory, are refused before it
// is taken.
func TestSparse(t *testing.T) {
	withMemory(t, 1<<30)
	const many = 7_000_000
	tests := []struct {
		name, file string
		start      []byte
		size       int64
		f          folder
	}{
		{"IDX", trainImages, idx(nil, 20<<10, 1<<10, 1<<10), 16 + 20<<30, fiveClasses().with(trainLabels, idx(make([]byte, 20<<10), 20<<10))},
		{"CIFAR", "data_batch_2.bin", nil, many * 3073, cifar10()},
		{"CSV", "labels.csv", []byte("file,label\n"), 20 << 30, folder{"1.png": {}}},
		{"JSON", "metadata.jsonl", nil, 20 << 30, folder{"1.png": {}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			writeFolder(t, dir, tt.f.with(tt.file, tt.start))
			if err := os.WriteFile(filepath.Join(dir, tt.file), tt.start, 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(filepath.Join(dir, tt.file), tt.size); err != nil {
				t.Skip(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := Open(dir)
			runtime.ReadMemStats(&after)
			wantError(t, err, "data: ", "of memory, available are 1074 MB: want a machine with more, or fewer images")
			if cost := after.TotalAlloc - before.TotalAlloc; cost > 64<<20 {
				t.Errorf("allocates %d bytes", cost)
			}
		})
	}
}

// loadCost returns how many bytes loading allocates in all.
func loadCost(fsys fs.FS) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _ = load(fsys) // what it returns is another test's matter
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// allocationBound returns how many bytes loading f may allocate in all: the
// readers' own buffers, perByte for each byte of the files, and what growing to
// the data that really arrives takes.
func allocationBound(f folder, perByte uint64) uint64 {
	bound := uint64(1 << 20)
	for _, content := range f {
		bound += perByte*uint64(len(content)) + 4*uint64(unpackedLen(content))
	}
	return bound
}

// unpackedLen returns the length of a file's content once decompressed, as far
// as it can be.
func unpackedLen(content []byte) int64 {
	z, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return int64(len(content))
	}
	n, _ := io.Copy(io.Discard, z) // a damaged stream counts up to its damage
	return n
}

// FuzzIDX holds that any four files, compressed or not, give a sound dataset or
// an error of one line that names a file, at a cost in memory bounded by what
// the files hold.
func FuzzIDX(f *testing.F) {
	for _, d := range append(damagedFolders(), struct {
		name string
		f    folder
		want string
	}{"good", fiveClasses(), ""}) {
		if len(d.f[trainImages]) > 1<<12 {
			continue // the fuzzer would spend its time on making it smaller
		}
		for _, compress := range []bool{false, true} {
			f.Add(d.f[trainImages], d.f[trainLabels], d.f[testImages], d.f[testLabels], compress)
		}
	}
	f.Fuzz(func(t *testing.T, trainX, trainY, testX, testY []byte, compress bool) {
		files := folder{trainImages: trainX, trainLabels: trainY, testImages: testX, testLabels: testY}
		if compress {
			for name, content := range files {
				files[name] = pack(content)
			}
		}
		// Deflate may build tables of some kilobytes for each short block, so a
		// byte may cost more here, up to what one can stand for.
		if cost, bound := loadCost(files.fsys()), allocationBound(files, 1032); cost > bound {
			t.Errorf("allocates %d bytes, want at most %d", cost, bound)
		}
		d, err := load(files.fsys())
		if err != nil {
			wantError(t, err, "", "-ubyte")
			return
		}
		checkSound(t, d)
	})
}

// checkSound reads every sample of d.
func checkSound(t *testing.T, d Dataset) {
	t.Helper()
	x := make([]float32, d.Shape[0]*d.Shape[1]*d.Shape[2])
	for _, s := range []Samples{d.Train, d.Test} {
		if s.Len() < 1 {
			t.Fatalf("%d samples, want at least one", s.Len())
		}
		for i := range s.Len() {
			class, err := s.Read(i, x)
			if err != nil {
				t.Fatal(err)
			}
			if class < 0 || class >= len(d.Classes) {
				t.Fatalf("sample %d has class %d of %d", i, class, len(d.Classes))
			}
			if low, high := slices.Min(x), slices.Max(x); !(low >= 0 && high <= 1) {
				t.Fatalf("sample %d has pixels from %v to %v, want 0 to 1", i, low, high)
			}
		}
	}
}
