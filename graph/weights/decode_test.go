package weights

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/nlpodyssey/safetensors"
	"gorgonia.org/tensor"
)

// hostile lists files that must be refused, and a part of the reason.
var hostile = []struct {
	name string
	file []byte
	want string
}{
	{"empty", nil, "found 0 bytes"},
	{"seven bytes", make([]byte, 7), "found 7 bytes"},
	{"no header", make([]byte, 8), "want {"},
	{"header of 2^64-1", bytes.Repeat([]byte{255}, 16), "header of 18446744073709551615 bytes, want at most 8"},
	{"header of a terabyte", binary.LittleEndian.AppendUint64(nil, 1<<40), "header of 1099511627776 bytes"},
	{"header one too long", raw(`{}`, "")[:9], "header of 2 bytes, want at most 1"},
	{"null", raw(`null`, ""), "want {"},
	{"array", raw(`[]`, ""), "want {"},
	{"leading space", raw(` {}`, ""), "want {"},
	{"not JSON", raw(`{]`, ""), `found "]", want a string`},
	{"unfinished", raw(`{"a":`, ""), "header ends here, want '{'"},
	{"unfinished string", raw(`{"a`, ""), "want a string that ends"},
	{"unfinished escape", raw(`{"a\`, ""), "want a string that ends"},
	{"bad escape", raw(`{"\x":1}`, ""), "found a bad string"},
	{"control byte", raw("{\"\n\":1}", ""), "found a bad string"},
	{"no colon", raw(`{"a"}`, ""), "want ':'"},
	{"no comma", raw(`{"__metadata__":{"a":"b" "c":"d"}}`, ""), "want '}'"},
	{"NUL for an end", raw("{\x00", ""), "want a string"},
	{"trailing comma", raw(`{"__metadata__":{},}`, ""), "want a string"},
	{"text after header", raw(`{} x`, ""), `found "x", want only spaces`},
	{"NUL after header", raw("{}\x00", ""), "want only spaces"},
	{"second object", raw(`{}{}`, ""), "want only spaces after the last }"},
	{"not UTF-8", raw("{\"\xff\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", "0000"), "UTF-8"},

	{"data without tensors", raw(`{}`, "0000"), "4 bytes of data, want 0"},
	{"data cut off", raw(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, "0000"), "4 bytes of data, want 8"},
	{"data too long", raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, "00000"), "5 bytes of data, want 4"},
	{"gap", raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, "00000000"), "begins at data byte 4, want 0"},
	{"overlap", raw(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, "00000000"), "want 8"},
	{"shared", raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, "0000"), "begins at data byte 0, want 4"},
	{"offsets backwards", raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}`, "0000"), "[begin, end]"},
	{"one offset", raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}`, "0000"), "[begin, end]"},
	{"three offsets", raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}}`, "0000"), "more than 2 numbers"},

	{"terabytes", raw(`{"a":{"dtype":"F64","shape":[1099511627776],"data_offsets":[0,8796093022208]}}`, "00000000"), "8 bytes of data, want 8796093022208"},
	{"product overflows", raw(`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}`, "0000"), "does not fit its 4 bytes"},
	{"product overflows to fit", raw(`{"a":{"dtype":"F32","shape":[2147483649,2147483648,2],"data_offsets":[0,4]}}`, "0000"), "does not fit"},
	{"number overflows", raw(`{"a":{"dtype":"F32","shape":[18446744073709551617],"data_offsets":[0,4]}}`, "0000"), "natural number"},
	{"shape too small", raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}`, "00000000"), "needs 4 bytes, but its offsets span 8"},
	{"odd bytes", raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,5]}}`, "00000"), "needs 4 bytes"},
	{"scalar without bytes", raw(`{"a":{"dtype":"F32","shape":[],"data_offsets":[0,0]}}`, ""), "needs 4 bytes"},
	{"dimension 0", raw(`{"a":{"dtype":"F32","shape":[0,2],"data_offsets":[0,0]}}`, ""), "dimension 0"},
	{"negative", raw(`{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}`, "0000"), "natural number"},
	{"fraction", raw(`{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}`, "0000"), "want ']'"},
	{"exponent", raw(`{"a":{"dtype":"F32","shape":[1e0],"data_offsets":[0,4]}}`, "0000"), "want ']'"},
	{"leading zero", raw(`{"a":{"dtype":"F32","shape":[01],"data_offsets":[0,4]}}`, "0000"), "natural number"},
	{"text in shape", raw(`{"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}}`, "0000"), "natural number"},
	{"nested shape", raw(`{"a":{"dtype":"F32","shape":`+strings.Repeat("[", 1<<16), ""), "natural number"},
	{"null shape", raw(`{"a":{"dtype":"F32","shape":null,"data_offsets":[0,4]}}`, "0000"), "want '['"},
	{"many dimensions", raw(`{"a":{"dtype":"F32","shape":[`+strings.Repeat("1,", 1<<16)+`1],"data_offsets":[0,4]}}`, "0000"), "more than 8 numbers"},

	{"same name twice", raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, "00000000"), `tensor "a" appears twice`},
	{"same name escaped", raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\u0061":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, "00000000"), `tensor "a" appears twice`},
	{"dtype twice", raw(`{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, "0000"), `found key "dtype"`},
	{"shape twice", raw(`{"a":{"dtype":"F32","shape":[],"shape":[],"data_offsets":[0,4]}}`, "0000"), `found key "shape"`},
	{"offsets twice", raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[],"data_offsets":[0,4]}}`, "0000"), `found key "data_offsets"`},
	{"no dtype", raw(`{"a":{"shape":[1],"data_offsets":[0,4]}}`, "0000"), "want dtype, shape"},
	{"no shape", raw(`{"a":{"dtype":"F32","data_offsets":[0,4]}}`, "0000"), "want dtype, shape"},
	{"no offsets", raw(`{"a":{"dtype":"F32","shape":[1]}}`, "0000"), "want dtype, shape"},
	{"unknown key", raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}`, "0000"), `found key "x"`},
	{"upper case key", raw(`{"a":{"DTYPE":"F32","shape":[1],"data_offsets":[0,4]}}`, "0000"), `found key "DTYPE"`},
	{"null tensor", raw(`{"a":null}`, ""), "found \"null"},
	{"I16", raw(`{"a":{"dtype":"I16","shape":[2],"data_offsets":[0,4]}}`, "0000"), `tensor "a": dtype "I16", want F16, F32 or F64`},
	{"F16 too short", raw(`{"a":{"dtype":"F16","shape":[2],"data_offsets":[0,3]}}`, "000"), "shape [2] of F16 does not fit its 3 bytes"},
	{"BF16", raw(`{"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}`, "0000"), `dtype "BF16"`},
	{"I64", raw(`{"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}`, "00000000"), `dtype "I64"`},
	{"dtype number", raw(`{"a":{"dtype":32,"shape":[1],"data_offsets":[0,4]}}`, "0000"), "want a string"},

	{"metadata twice", raw(`{"__metadata__":{},"__metadata__":{}}`, ""), "__metadata__ appears twice"},
	{"metadata key twice", raw(`{"__metadata__":{"a":"1","a":"2"}}`, ""), `key "a" appears twice`},
	{"metadata null", raw(`{"__metadata__":null}`, ""), "found \"null"},
	{"metadata number", raw(`{"__metadata__":{"a":1}}`, ""), "want a string"},
	{"metadata tensor", raw(`{"__metadata__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, "0000"), "want a string"},

	{"long name", raw(`{"`+strings.Repeat("n", 1<<16)+`":1}`, ""), "want '{'"},
	{"long value", raw(`{"a":"`+strings.Repeat("\\n", 1<<16)+`"}`, ""), "want '{'"},
	{"long number", raw(`{"a":{"shape":[`+strings.Repeat("1", 1<<16)+`]}}`, ""), "natural number"},
}

func TestDecodeHostile(t *testing.T) {
	for _, tt := range hostile {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Decode(tt.file)
			checkError(t, err, tt.want)
			checkAllocation(t, tt.file)
		})
	}
}

// Any part of a good file, and a good file with a tail, are refused.
func TestDecodeCutOff(t *testing.T) {
	b := encoded(t, sample())
	for n := range len(b) {
		if _, err := Decode(b[:n]); err == nil {
			t.Errorf("%d of %d bytes were accepted", n, len(b))
		}
	}
	if _, err := Decode(append(b, 0)); err == nil {
		t.Error("a tail was accepted")
	}
}

// Tensors may lie in another order than their entries, and entries may be
// spaced and ordered freely.
func TestDecodeFreeOrder(t *testing.T) {
	got, err := Decode(raw(`{ "b": {"data_offsets":[4,8], "shape":[1], "dtype":"F32"},`+"\n"+
		`"__metadata__":{}, "a":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]} }  `, "\x00\x00\x80\x3f\x00\x00\x00\x40"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]float32{"a": 1, "b": 2} {
		if data, _ := floats(got.Tensors[name]); data.([]float32)[0] != want {
			t.Errorf("%s: got %v, want %v", name, data, want)
		}
	}
}

// Every tensor costs a tensor.Dense, which is larger than the smallest entry:
// the worst good file.
func TestDecodeManySmall(t *testing.T) {
	const n = 10000
	entries := make([]string, n)
	for i := range entries {
		entries[i] = fmt.Sprintf(`"%d":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1],"data_offsets":[%d,%d]}`, i, 4*i, 4*i+4)
	}
	b := raw("{"+strings.Join(entries, ",")+"}", strings.Repeat("0", 4*n))
	checkAllocation(t, b)
	if f, err := Decode(b); err != nil || len(f.Tensors) != n {
		t.Errorf("got %d tensors and error %v, want %d", len(f.Tensors), err, n)
	}
}

// checkAllocation decodes b and bounds what that allocated, garbage included.
func checkAllocation(t *testing.T, b []byte) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _ = Decode(b) // its result is not the matter here
	runtime.ReadMemStats(&after)
	if got, limit := after.TotalAlloc-before.TotalAlloc, uint64(16*len(b)+1<<20); got > limit {
		t.Errorf("%d bytes of input made Decode allocate %d, want at most %d", len(b), got, limit)
	}
}

func FuzzDecode(f *testing.F) {
	for _, tt := range hostile {
		if len(tt.file) < 1<<10 {
			f.Add(tt.file)
		}
	}
	for _, tt := range hostileInt8 {
		f.Add(tt.file)
	}
	f.Add(encoded(f, sample()))
	f.Add(encoded(f, File{}))
	f.Add(encoded(f, File{Int8: true, Tensors: map[string]*tensor.Dense{"w": f32([]int{2, 2}, 1, 2, 3, 4)}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		checkAllocation(t, b)
		file, err := Decode(b)
		if err != nil {
			checkError(t, err, "")
			return
		}
		if _, err := safetensors.Deserialize(b); err != nil {
			t.Errorf("accepted what another implementation refuses: %v", err)
		}
		once := encoded(t, file)
		again, err := Decode(once)
		if err != nil {
			t.Fatalf("own bytes refused: %v", err)
		}
		if !bytes.Equal(encoded(t, again), once) {
			t.Errorf("reading and writing %q changed it", once)
		}
	})
}
