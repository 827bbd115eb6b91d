package data

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
)

// records returns a CIFAR file: record i has the class classes[i], a coarse
// label of 7 before it if that is asked for, and pixels i, i+1, … of each plane
// in turn.
func records(coarse bool, classes ...byte) []byte {
	var b []byte
	for i, c := range classes {
		if coarse {
			b = append(b, 7)
		}
		b = append(b, c)
		for plane := range 3 {
			for k := range 1024 {
				b = append(b, byte(100*plane+i+k/32))
			}
		}
	}
	return b
}

func cifar10() folder {
	return folder{
		"data_batch_1.bin": records(false, 3, 9),
		"data_batch_2.bin": records(false, 0),
		"test_batch.bin":   records(false, 1),
		"batches.meta.txt": []byte("airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n"),
		"readme.html":      []byte("hello"),
	}
}

func TestCIFAR(t *testing.T) {
	hundred := folder{"train.bin": records(true, 99, 9, 3, 0), "test.bin": records(true, 5)}
	tests := []struct {
		name        string
		f           folder
		classes     int
		first       string
		train, test []int
	}{
		{"cifar-10", cifar10(), 10, "airplane", []int{3, 9, 0}, []int{1}},
		{"names absent", cifar10().with("batches.meta.txt", nil), 10, "0", []int{3, 9, 0}, []int{1}},
		{"cifar-100", hundred, 100, "0", []int{99, 9, 3, 0}, []int{5}},
		{"names with CR", hundred.with("fine_label_names.txt", bytes.Repeat([]byte("apple\r\n"), 100)), 100, "apple", []int{99, 9, 3, 0}, []int{5}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := Open(writeTree(t, "pictures", tt.f))
			if err != nil {
				t.Fatal(err)
			}
			if d.Name != "pictures" || d.Shape != [3]int{3, 32, 32} || len(d.Classes) != tt.classes || d.Classes[0] != tt.first {
				t.Errorf("%q %v with %d classes, the first %q", d.Name, d.Shape, len(d.Classes), d.Classes[0])
			}
			for _, part := range []struct {
				s    Samples
				want []int
			}{{d.Train, tt.train}, {d.Test, tt.test}} {
				labels, err := Labels(part.s, d.Shape)
				if err != nil || !slices.Equal(labels, part.want) {
					t.Errorf("labels %v and error %v, want %v", labels, err, part.want)
				}
			}
			x := make([]float32, 3072)
			if _, err := d.Train.Read(1, x); err != nil {
				t.Fatal(err)
			}
			for _, at := range []struct{ index, want int }{{0, 1}, {31, 1}, {32, 2}, {1023, 32}, {1024, 101}, {2048, 201}, {3071, 232}} {
				if want := float32(at.want) / 255; x[at.index] != want {
					t.Errorf("second image, value %d is %v, want %v", at.index, x[at.index], want)
				}
			}
			checkSound(t, d)
		})
	}
}

func badCIFAR() []struct {
	name string
	f    folder
	want string
} {
	good := cifar10()
	return []struct {
		name string
		f    folder
		want string
	}{
		{"empty file", good.with("data_batch_2.bin", []byte{}), "data_batch_2.bin: 0 bytes, want a multiple of 3073"},
		{"cut short", good.with("data_batch_2.bin", records(false, 1)[:3072]), "data_batch_2.bin: 3072 bytes, want a multiple of 3073"},
		{"one byte more", good.with("test_batch.bin", append(records(false, 1), 0)), "test_batch.bin: 3074 bytes"},
		{"label", good.with("data_batch_1.bin", records(false, 2, 10)), "data_batch_1.bin: label 10 of image 1, want 0 to 9"},
		{"fine label", folder{"train.bin": records(true, 100), "test.bin": records(true, 1)}, "train.bin: label 100 of image 0, want 0 to 99"},
		{"no test", good.with("test_batch.bin", nil), "test_batch.bin"},
		{"nine names", good.with("batches.meta.txt", []byte("a\nb\nc\nd\ne\nf\ng\nh\ni\n")), "batches.meta.txt: 9 class names, want 10"},
		{"too many names", good.with("batches.meta.txt", bytes.Repeat([]byte("a\n"), 70_000)), "batches.meta.txt: more than 65536 class names"},
		{"long names", good.with("batches.meta.txt", make([]byte, 40<<20)), "batches.meta.txt: more than 4194304 bytes"},
		{"a blank name", good.with("batches.meta.txt", []byte("a\nb\nc\nd\ne\nf\ng\nh\ni\n \n")), "batches.meta.txt: 10 class names, want 10, one a line"},
	}
}

func TestCIFARErrors(t *testing.T) {
	for _, tt := range badCIFAR() {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Open(writeTree(t, "bad", tt.f))
			wantError(t, err, "data: folder ", tt.want)
		})
	}
	_, err := CIFAR(t.TempDir())
	wantError(t, err, "data: folder ", "no data_batch_1.bin and no train.bin")
	_, err = CIFAR("nowhere")
	wantError(t, err, "data: ", `no folder "nowhere", want one with data_batch_1.bin`)
}

// FuzzCIFAR holds that any files give a sound dataset or an error of one line.
func FuzzCIFAR(f *testing.F) {
	good := cifar10()
	f.Add(good["data_batch_1.bin"], good["test_batch.bin"], good["batches.meta.txt"], false)
	f.Add(records(true, 99), records(true, 0), []byte{}, true)
	f.Add([]byte{1}, []byte{}, []byte("\n"), true)
	f.Fuzz(func(t *testing.T, train, test, names []byte, fine bool) {
		format := cifarFormats[0]
		files := folder{"data_batch_1.bin": train, "test_batch.bin": test, format.names: names}
		if fine {
			format = cifarFormats[1]
			files = folder{"train.bin": train, "test.bin": test, format.names: names}
		}
		d, err := loadCIFAR(files.fsys())
		if err != nil {
			wantError(t, err, "", "want")
			return
		}
		if len(d.Classes) != format.classes {
			t.Fatal(fmt.Sprint(len(d.Classes), " classes"))
		}
		checkSound(t, d)
	})
}
