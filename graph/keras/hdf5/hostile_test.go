package hdf5

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"strings"
	"testing"
)

// walk reads all that can be reached from a group, and returns the last error.
func walk(o *Object, depth int) (err error) {
	for _, name := range []string{"varying", "names"} {
		if _, e := o.Strings(name); e != nil {
			err = e
		}
	}
	if o.IsDataset() {
		_, e := o.Read()
		if e != nil {
			err = e
		}
		return err
	}
	names, e := o.Names()
	if e != nil || depth == 0 {
		return e
	}
	for _, name := range names {
		child, e := o.Find(name)
		if e != nil {
			err = e
		} else if child != nil {
			if e := walk(child, depth-1); e != nil {
				err = e
			}
		}
	}
	return err
}

func TestForeignFiles(t *testing.T) {
	whole := unpacked(t, "testdata/everything_latest.h5")
	for _, tt := range []struct {
		name string
		b    []byte
		want string
	}{
		{"empty", nil, "not an HDF5 file"},
		{"text", []byte("hello, this is a text"), "not an HDF5 file"},
		{"signature alone", whole[:8], "superblock: a structure is cut off"},
		{"half a superblock", whole[:30], "superblock: a structure is cut off"},
		{"no root", whole[:48], "root group: "},
		{"version 9", append(append([]byte{}, whole[:8]...), bytes.Repeat([]byte{9}, 90)...), "version 9, want 0 to 3"},
	} {
		_, err := Open(bytes.NewReader(tt.b), int64(len(tt.b)))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
}

// TestCutOff: whatever length a file is cut off at, something is an error.
func TestCutOff(t *testing.T) {
	for _, version := range []string{"earliest", "latest"} {
		whole := unpacked(t, "testdata/everything_"+version+".h5")
		for n := len(whole) - 600; n > 0; n -= 977 { // the last bytes may be free space
			f, err := Open(bytes.NewReader(whole[:n]), int64(n))
			if err == nil {
				err = walk(f.Root(), 6)
			}
			if err == nil {
				t.Errorf("%s: %d of %d bytes are read without an error", version, n, len(whole))
			}
		}
	}
}

// TestLoop: a group that is in itself is read once, and a path has an end.
func TestLoop(t *testing.T) {
	b := unpacked(t, "testdata/userblock.h5")
	f := open(t, b)
	f.Root().links = map[string]uint64{}
	for address := range f.objects {
		f.Root().links["self"] = address
	}
	o, err := f.Root().Find(strings.TrimSuffix(strings.Repeat("self/", 1000), "/"))
	if err != nil || o != f.Root() {
		t.Errorf("%v, %v, want the root", o, err)
	}
}

// TestSmallFileSmallMemory: the shape of a file that has no data takes nothing.
func TestSmallFileSmallMemory(t *testing.T) {
	b := unpacked(t, "testdata/userblock.h5")
	shape := binary.LittleEndian.AppendUint64(nil, 3)
	at := bytes.LastIndex(b, append(shape, shape...)) // dimension and largest dimension
	if at < 0 {
		t.Fatal("no dataspace of 3 elements")
	}
	for _, n := range []uint64{1 << 20, 1 << 40, 1 << 62} {
		binary.LittleEndian.PutUint64(b[at:], n)
		binary.LittleEndian.PutUint64(b[at+8:], n)
		f := open(t, b)
		o, err := f.Root().Find("x")
		if err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err = o.Read()
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; err == nil || took > 1<<16 {
			t.Errorf("%d elements: %v, took %d bytes", n, err, took)
		}
	}
}

func TestFilters(t *testing.T) {
	shuffled := []byte{1, 3, 5, 2, 4, 6, 7}
	if got := unshuffle(shuffled, 2); !bytes.Equal(got, []byte{1, 2, 3, 4, 5, 6, 7}) {
		t.Errorf("unshuffle gives %v", got)
	}
	if _, err := undo([]filter{{id: filterDeflate}}, 0, []byte("not zlib"), 8); err == nil {
		t.Error("no error for bytes that are not deflated")
	}
	if b, err := undo([]filter{{id: filterDeflate}}, 1, []byte("12345678"), 8); err != nil || string(b) != "12345678" {
		t.Errorf("a filter that was left out: %q, %v", b, err)
	}
	if _, err := checked([]byte{1, 2, 3, 4, 5, 6}); err == nil || !strings.Contains(err.Error(), "checksum of a chunk is wrong") {
		t.Errorf("error %v, want a wrong checksum", err)
	}
	lzf := []byte{2, 1, 0, 0x7d, 0, 0, 0, 0, 0, 0} // filter 32000 without a name
	if _, err := readFilters(lzf); err == nil || !strings.Contains(err.Error(), "filter 32000, want deflate") {
		t.Errorf("error %v", err)
	}
}

// FuzzRead reads whatever comes. Nothing may panic, hang, or take more than its
// bounds.
func FuzzRead(f *testing.F) {
	for _, name := range []string{"everything_earliest", "everything_latest", "many_earliest", "many_latest", "userblock"} {
		f.Add(unpacked(f, "testdata/"+name+".h5"), 0, uint64(0))
	}
	f.Fuzz(func(t *testing.T, b []byte, at int, value uint64) {
		if at >= 0 && at < len(b)-8 && value != 0 { // an address or a length
			binary.LittleEndian.PutUint64(b[at:], value)
		}
		file, err := Open(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		walk(file.Root(), 3)
	})
}
