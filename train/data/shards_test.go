package data

import (
	"archive/tar"
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// entry is a member of a tar file.
type entry struct {
	name    string
	content []byte
}

// tarFile returns a tar file.
func tarFile(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		kind := byte(tar.TypeReg)
		if strings.HasSuffix(e.name, "/") {
			kind = tar.TypeDir
		}
		if err := w.WriteHeader(&tar.Header{Name: e.name, Size: int64(len(e.content)), Typeflag: kind, Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(e.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// sample is the two members of a sample: a grey picture of 3x2 and its class.
func sample(t testing.TB, key string, v byte, class string) []entry {
	return []entry{{key + ".png", encode(t, "png", grey(3, 2, v))}, {key + ".cls", []byte(class)}}
}

// TestShards reads shards as other programs may write them.
func TestShards(t *testing.T) {
	long := strings.Repeat("deep/", 60) + "000001" // needs another tar format
	first := tarFile(t, slices.Concat(
		[]entry{{"pictures/", nil}},
		sample(t, "pictures/0", 10, "2\n"),
		[]entry{{"pictures/1.json", []byte("{}")}, {"pictures/1.cls", []byte("0")}, {"pictures/1.jpg", encode(t, "jpeg", grey(3, 2, 20))}},
		[]entry{{"readme.txt", make([]byte, 200000)}}, // more than the window
		[]entry{{"pictures/2.seg.png", []byte("a mask")}, {"pictures/._3.png", []byte("of macOS")}, {"pictures/._3.cls", nil}},
		sample(t, long, 30, "1"),
	)...)
	dir := writeTree(t, "shards", folder{
		"a-000.tar": first, "a-001.tar": tarFile(t, sample(t, "0", 40, "4")...), "a-002.tar": tarFile(t),
		"val-000.tar": tarFile(t, sample(t, "0", 50, "3")...), "other.txt": []byte("x"), ".hidden.tar": []byte("x"),
	})
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if d.Name != "shards" || d.Shape != [3]int{1, 2, 3} || fmt.Sprint(d.Classes) != "[0 1 2 3 4]" || d.Train.Len() != 4 || d.Test.Len() != 1 {
		t.Fatalf("%q %v %q with %d and %d samples", d.Name, d.Shape, d.Classes, d.Train.Len(), d.Test.Len())
	}
	x := make([]float32, 6)
	for i, want := range []struct {
		v     int
		class int
	}{{10, 2}, {20, 0}, {30, 1}, {40, 4}} {
		class, err := d.Train.Read(i, x)
		if err != nil || class != want.class {
			t.Errorf("sample %d: class %d and error %v, want %d and none", i, class, err, want.class)
		}
		near(t, fmt.Sprint("sample ", i), x, float64(want.v)/255, 1e-7)
	}
	labels, err := Labels(d.Train, d.Shape)
	if err != nil || fmt.Sprint(labels) != "[2 0 1 4]" {
		t.Errorf("labels %v, error %v", labels, err)
	}
	if !onDisk(Limit(d.Train, 2)) {
		t.Error("shards are not on the disk")
	}
	if d, err = (Options{Channels: 3, Height: 4, Width: 4}).Open(dir); err != nil || d.Shape != [3]int{3, 4, 4} {
		t.Errorf("shape %v and error %v, want [3 4 4]", d.Shape, err)
	}
}

// TestShardsParts holds which shards are for testing.
func TestShardsParts(t *testing.T) {
	tests := []struct{ names, train, validation, test string }{
		{"train-0 train-1 test-0", "train-0 train-1", "", "test-0"},
		{"train-0 val-0", "train-0", "", "val-0"},
		{"train-0 test-0 val-0", "train-0", "val-0", "test-0"},
		{"a b", "a b", "", ""},
	}
	for _, tt := range tests {
		got := partShards(strings.Fields(tt.names))
		for part, want := range []string{tt.train, tt.validation, tt.test} {
			if strings.Join(got[part], " ") != want {
				t.Errorf("%s: part %d is %q, want %q", tt.names, part, got[part], want)
			}
		}
	}
}

// packed writes a part of MNIST as shards and opens them.
func packed(t *testing.T, n, shards int) (Dataset, string) {
	t.Helper()
	d, dir := mnist(t), t.TempDir()
	for s := range shards {
		var b bytes.Buffer
		if err := WriteShard(&b, d.Train, d.Shape, InOrder(n)[s*n/shards:(s+1)*n/shards]); err != nil {
			t.Fatal(err)
		}
		writeFolder(t, dir, folder{fmt.Sprintf("train-%06d.tar", s): b.Bytes()})
	}
	var b bytes.Buffer
	if err := WriteShard(&b, d.Test, d.Shape, InOrder(n/10)); err != nil {
		t.Fatal(err)
	}
	writeFolder(t, dir, folder{"test-000000.tar": b.Bytes(), classesFile: []byte("zero\none\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n")})
	shards2, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return shards2, dir
}

// TestShardsRoundTrip holds that MNIST from shards is MNIST, bit for bit, and
// what is read ahead too.
func TestShardsRoundTrip(t *testing.T) {
	got, _ := packed(t, 500, 3)
	want := mnist(t)
	if got.Shape != want.Shape || got.Classes[9] != "nine" || got.Train.Len() != 500 || got.Test.Len() != 50 {
		t.Fatalf("%v %v with %d and %d samples", got.Shape, got.Classes, got.Train.Len(), got.Test.Len())
	}
	if !slices.Equal(values(t, got.Train, 784), values(t, Limit(want.Train, 500), 784)) || !slices.Equal(values(t, got.Test, 784), values(t, Limit(want.Test, 50), 784)) {
		t.Error("other pixels than those written")
	}
	labels, err := Labels(got.Train, got.Shape)
	if err != nil {
		t.Fatal(err)
	}
	if own, _ := Labels(Limit(want.Train, 500), want.Shape); !slices.Equal(labels, own) {
		t.Error("other classes than those written")
	}
	order := Order(got.Train, 1, 1)
	at := 0
	err = Ahead(t.Context(), got.Train, 784, order, 32, func(b Batch) error {
		x := make([]float32, 784)
		for k, class := range b.Classes {
			if own, _ := want.Train.Read(order[at], x); own != class || !slices.Equal(x, b.X[k*784:][:784]) {
				t.Fatalf("sample %d is another", order[at])
			}
			at++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWriteShard(t *testing.T) {
	d := mnist(t)
	var a, b bytes.Buffer
	for _, w := range []*bytes.Buffer{&a, &b} {
		if err := WriteShard(w, d.Train, d.Shape, []int{7, 3}); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("equal samples give different files")
	}
	r := tar.NewReader(&a)
	for _, want := range []string{"000000007.png", "000000007.cls", "000000003.png", "000000003.cls"} {
		if h, err := r.Next(); err != nil || h.Name != want {
			t.Errorf("member %v and error %v, want %s", h, err, want)
		}
	}
	wantError(t, WriteShard(&b, d.Train, d.Shape, []int{60000}), "data: ", "sample 60000")
	wantError(t, WriteShard(&b, numbered{3, 1}, [3]int{2, 1, 1}, []int{0}), "data: ", "images of 2 channels, want 1 or 3")
	_, err := Picture(make([]float32, 5), [3]int{1, 2, 3})
	wantError(t, err, "data: ", "5 values, want those of an image of (1,2,3)")
	_, err = Picture(make([]float32, 5), [3]int{3, 1, 1})
	wantError(t, err, "data: ", "5 values")
	img, err := Picture([]float32{-1, 0.2, float32(math.NaN()), 2, 0, 1}, [3]int{3, 1, 2})
	if err != nil {
		t.Fatal(err)
	}
	if r, g, b, a := img.At(1, 0).RGBA(); r>>8 != 51 || g>>8 != 255 || b>>8 != 255 || a>>8 != 255 {
		t.Errorf("pixel %d %d %d %d, want 51 255 255 255", r>>8, g>>8, b>>8, a>>8)
	}
}

func badShards(t testing.TB) []struct {
	name    string
	content []byte
	want    string
} {
	one := sample(t, "1", 5, "1")
	good := tarFile(t, one...)
	second := tarFile(t, slices.Concat(one, sample(t, "2", 5, "1"))...)
	damage := func(at int) []byte { b := slices.Clone(second); b[at] ^= 0x55; return b }
	return []struct {
		name    string
		content []byte
		want    string
	}{
		{"no picture", tarFile(t, one[1]), `sample "1" has no picture or no class, want 1.png and 1.cls`},
		{"no class", tarFile(t, slices.Concat(one[:1], sample(t, "2", 5, "1"))...), `sample "1" has no picture or no class`},
		{"apart", tarFile(t, one[0], entry{"2.txt", nil}, one[1]), `sample "1" has no picture or no class`},
		{"two pictures", tarFile(t, one[0], entry{"1.jpg", nil}, one[1]), `member "1.jpg": a second picture of that name`},
		{"two classes", tarFile(t, one[0], one[1], one[1]), `member "1.cls": a second class of that name`},
		{"no number", tarFile(t, one[0], entry{"1.cls", []byte("cat")}), `class "cat", want a number from 0`},
		{"negative", tarFile(t, one[0], entry{"1.cls", []byte("-1")}), `class "-1"`},
		{"large", tarFile(t, one[0], entry{"1.cls", []byte("65536")}), `class "65536"`},
		{"endless number", tarFile(t, one[0], entry{"1.cls", bytes.Repeat([]byte("1"), 1000)}), `class "1111`},
		{"text", bytes.Repeat([]byte("no tar "), 200), "no tar file, or damaged"},
		{"gzip", pack(good), "no tar file, or damaged"},
		{"damaged header", damage(2048), "no tar file, or damaged"},
		{"cut in a header", second[:2048+100], "no tar file, or damaged"},
		{"cut in a picture", second[:2048+512+20], "no tar file, or damaged"},
		{"no samples", tarFile(t, entry{"readme", nil}), "no samples, want members named as in 000042.png and 000042.cls"},
		{"empty", []byte{}, "no samples, want members"},
	}
}

func TestShardsErrors(t *testing.T) {
	for _, tt := range badShards(t) {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Open(writeTree(t, "bad", folder{"train-0.tar": tt.content}))
			wantError(t, err, "data: folder ", "train-0.tar: ")
			wantError(t, err, "data: folder ", tt.want)
		})
	}
	good := tarFile(t, sample(t, "1", 5, "1")...)
	tests := []struct {
		name string
		f    folder
		want string
	}{
		{"only a test part", folder{"test-0.tar": good}, "no tar files for training"},
		{"too few names", folder{"a.tar": good, "test.tar": good, classesFile: []byte("zero\n")}, "classes.txt: 1 class names, want 2 or more"},
		{"a blank name", folder{"a.tar": good, "test.tar": good, classesFile: []byte("zero\n \n")}, "classes.txt: 2 class names, want 2, one a line"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Open(writeTree(t, "bad", tt.f))
			wantError(t, err, "data: folder ", tt.want)
		})
	}
	_, err := Options{}.Shards("nowhere")
	wantError(t, err, "data: ", `no folder "nowhere", want one with tar files`)
	dir := writeTree(t, "odd", folder{"a.tar/x": nil})
	_, err = Open(dir)
	wantError(t, err, "data: folder ", "a.tar: found a folder, want a regular file")
}

// TestShardShrinks holds that a file that has become shorter is an error that
// names it.
func TestShardShrinks(t *testing.T) {
	d, dir := packed(t, 20, 1)
	if err := os.Truncate(filepath.Join(dir, "train-000000.tar"), 1000); err != nil {
		t.Fatal(err)
	}
	_, err := d.Train.Read(5, make([]float32, 784))
	wantError(t, err, "data: train-000000.tar: picture at byte ", "the file is cut short")
}

// TestShardsOpenLate holds that a file is open from its first picture on, and that
// another file of its name is an error.
func TestShardsOpenLate(t *testing.T) {
	_, dir := packed(t, 30, 3)
	names := []string{"train-000000.tar", "train-000001.tar", "train-000002.tar"}
	s, err := openShards(dir, names)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.picture(15, nil); err != nil {
		t.Fatal(err)
	}
	for k, want := range []bool{false, true, false} {
		if open := s.files[k].file != nil; open != want {
			t.Errorf("%s open: %v, want %v after a picture of the second file", names[k], open, want)
		}
	}
	if err := os.Rename(filepath.Join(dir, names[0]), filepath.Join(dir, names[2])); err != nil {
		t.Fatal(err)
	}
	_, err = s.picture(29, nil)
	wantError(t, err, "", "another one than when it was indexed")
	_, err = s.picture(0, nil)
	wantError(t, err, "", "no such file")
}

// TestShardsMemory holds that opening keeps 24 bytes a sample and that reading
// keeps nothing.
func TestShardsMemory(t *testing.T) {
	_, dir := packed(t, 3000, 2)
	mnist(t)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	d, err := Options{Memory: -1}.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, 784)
	for i := range d.Train.Len() {
		if _, err := d.Train.Read(i, x); err != nil {
			t.Fatal(err)
		}
	}
	if kept := int64(heap()) - int64(before); kept > 24*3300+64<<10 {
		t.Errorf("keeps %d bytes for 3300 samples, want at most 24 each", kept)
	}
	runtime.KeepAlive(d)
}

// FuzzShard holds that any tar file gives samples inside it or an error of one
// line.
func FuzzShard(f *testing.F) {
	f.Add(tarFile(f, slices.Concat(sample(f, "1", 5, "1"), sample(f, strings.Repeat("a/", 200)+"2", 5, "0"))...))
	for _, b := range badShards(f) {
		f.Add(b.content)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		members, _, err := scan(bytes.NewReader(b), int64(len(b)), 7)
		if err != nil {
			wantError(t, err, "", "")
			return
		}
		for _, m := range members {
			if m.offset < 512 || m.size < 0 || m.offset+int64(m.size) > int64(len(b)) || m.file != 7 || m.number < 0 || m.number > maxClass {
				t.Fatalf("%+v in a file of %d bytes", m, len(b))
			}
		}
	})
}

// TestPackedShards: compressed tar files are called by their name, not taken for pictures.
func TestPackedShards(t *testing.T) {
	dir := writeTree(t, "packed", folder{"train-0.tar.gz": pack(tarFile(t, sample(t, "1", 5, "1")...))})
	_, err := Open(dir)
	wantError(t, err, "data: folder ", "unpack its tar files first, as by gunzip *.tar.gz: shards are plain")
	_, err = Open(filepath.Join(dir, "train-0.tar.gz"))
	wantError(t, err, "data: ", "is a compressed tar file, want a folder of plain ones")
}

// TestShardsNote: a sample whose name has a dot is not read, and a note says so.
func TestShardsNote(t *testing.T) {
	d, err := Open(writeTree(t, "dots", folder{"a.tar": tarFile(t, slices.Concat(sample(t, "1", 5, "1"), sample(t, "22.05", 7, "1"))...), "test.tar": tarFile(t, sample(t, "2", 6, "0")...)}))
	if err != nil {
		t.Fatal(err)
	}
	notes := strings.Join(d.Notes, "\n")
	for _, ext := range []string{".05.png", ".05.cls"} {
		if want := "not read, members of a.tar with " + ext + " after the first dot of their names (1)"; !strings.Contains(notes, want) {
			t.Errorf("notes %q, want %q", notes, want)
		}
	}
}
