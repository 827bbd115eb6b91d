package weights

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestChecksum: a file that has any bit changed, or some bytes zeroed, exchanged, cut off
// or appended, is an error or has the content that was written.
func TestChecksum(t *testing.T) {
	f := sample()
	whole := encoded(t, f)
	want, err := Decode(whole)
	if err != nil || len(want.Checksum) != 64 {
		t.Fatalf("checksum %q, %v", want.Checksum, err)
	}
	data := 8 + int(binary.LittleEndian.Uint64(whole))
	refused, damaged := 0, 0
	try := func(name string, b []byte) {
		t.Helper()
		if bytes.Equal(b, whole) {
			return
		}
		got, err := Decode(b)
		if err != nil {
			refused++
			if errors.Is(err, ErrDamaged) {
				damaged++
			}
			return
		}
		got.Checksum = want.Checksum
		for key := range got.Metadata {
			if _, ok := want.Metadata[key]; !ok {
				delete(got.Metadata, key) // the checksum's own entry, whose key has changed
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: other content is taken for sound", name)
		}
	}
	for i := range whole {
		for bit := range 8 {
			b := bytes.Clone(whole)
			b[i] ^= 1 << bit
			try("bit", b)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		b := bytes.Clone(whole)
		lo := r.IntN(len(b))
		hi := min(len(b), lo+1+r.IntN(64))
		switch r.IntN(4) {
		case 0:
			clear(b[lo:hi])
		case 1:
			to := data + r.IntN(len(b)-data) // text in the place of the checksum's own entry is not noticed
			copy(b[to:], whole[lo:hi])
		case 2:
			b = b[:lo]
		default:
			b = append(b, whole[lo:hi]...)
		}
		try("part", b)
	}
	if refused < 8*len(whole)*9/10 || damaged < 100 {
		t.Errorf("%d of %d changes were refused, %d by the checksum", refused, 8*len(whole)+2000, damaged)
	}
}

// TestChecksumOfOthers: another program may keep the checksum if it lays the same content
// out in another way, and remove it with the content changed; files without one load.
func TestChecksumOfOthers(t *testing.T) {
	whole := encoded(t, File{Tensors: sample().Tensors, Metadata: map[string]string{"k": "v"}})
	i, j := bytes.IndexByte(whole, '{'), bytes.Index(whole, []byte("}}"))+2
	text, data := string(whole[i:j]), string(bytes.TrimLeft(whole[j:], " "))
	text = strings.ReplaceAll(text, `,"`, ` , "`)
	f, err := Decode(raw(text, data))
	if err != nil || f.Checksum == "" {
		t.Errorf("spaces in the header: checksum %q, %v", f.Checksum, err)
	}
	changed := strings.Replace(text, `"k":"v"`, `"k":"w"`, 1)
	if _, err := Decode(raw(changed, data)); !errors.Is(err, ErrDamaged) {
		t.Errorf("error %v, want ErrDamaged", err)
	}
	changed = strings.Replace(changed, f.Checksum, "", 1)
	if f, err := Decode(raw(changed, data)); err != nil || f.Checksum != "" || f.Metadata["k"] != "w" {
		t.Errorf("without checksum: %v, metadata %v", err, f.Metadata)
	}
}

// TestChecksumOfMetadata: those who read the metadata alone notice any bit of them that has
// changed, as in a number of a run's history.
func TestChecksumOfMetadata(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.safetensors")
	f := File{Tensors: sample().Tensors, Metadata: map[string]string{"history": `[{"loss":0.25,"accuracy":0.975}]`}}
	if err := f.Save(path); err != nil {
		t.Fatal(err)
	}
	want, err := LoadMetadata(path)
	if err != nil || !maps.Equal(want, f.Metadata) {
		t.Fatalf("%v, %v, want %v", want, err, f.Metadata)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(whole, []byte("0.25"))
	for i := at; i < at+len("0.25,"); i++ {
		for bit := range 8 {
			b := bytes.Clone(whole)
			b[i] ^= 1 << bit
			if err := os.WriteFile(path, b, 0o644); err != nil {
				t.Fatal(err)
			}
			if got, err := LoadMetadata(path); err == nil {
				t.Errorf("byte %d, bit %d: read as %v, want an error", i, bit, got)
			}
		}
	}
}
