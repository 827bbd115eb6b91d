package tensorboard

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/train"
	"tapenet/train/data"
)

// crc32c is the checksum bit by bit, with the reversed polynomial of RFC 3720.
func crc32c(data []byte) uint32 {
	crc := ^uint32(0)
	for _, b := range data {
		crc ^= uint32(b)
		for range 8 {
			crc = crc>>1 ^ 0x82f63b78*(crc&1)
		}
	}
	return ^crc
}

func TestCRC(t *testing.T) {
	ascending := make([]byte, 32)
	for i := range ascending {
		ascending[i] = byte(i)
	}
	for _, tt := range []struct { // RFC 3720, appendix B.4, and the customary check value
		data []byte
		want uint32
	}{
		{make([]byte, 32), 0x8a9136aa}, {bytes.Repeat([]byte{0xff}, 32), 0x62a8ab43}, {ascending, 0x46dd794e}, {[]byte("123456789"), 0xe3069283},
	} {
		if got := crc32c(tt.data); got != tt.want {
			t.Errorf("the test's CRC of %x is %08x, want %08x", tt.data, got, tt.want)
		}
		masked := maskedCRC(tt.data) - 0xa282ead8
		if got := masked>>17 | masked<<15; got != tt.want {
			t.Errorf("the CRC of %x is %08x, want %08x", tt.data, got, tt.want)
		}
	}
}

// Every event file of TensorFlow begins with these bytes: the length of its
// version record, 24, and the masked CRC of that.
func TestFirstBytes(t *testing.T) {
	got := appendRecord(nil, version(time.Unix(1, 0)))
	want := []byte{0x18, 0, 0, 0, 0, 0, 0, 0, 0xa3, 0x7f, 0x4b, 0x22, 0x09}
	if !bytes.HasPrefix(got, want) || !bytes.Contains(got, []byte("\x1a\x0dbrain.Event:2")) {
		t.Errorf("% x, want it to begin with % x", got, want)
	}
}

// records reads TFRecords and checks their sums.
func records(t *testing.T, b []byte) (all [][]byte) {
	t.Helper()
	take := func(n int) []byte {
		if n > len(b) {
			t.Fatalf("%d bytes left, want %d", len(b), n)
		}
		taken := b[:n]
		b = b[n:]
		return taken
	}
	checked := func(n int) []byte {
		data := take(n)
		crc := crc32c(data)
		if got, want := binary.LittleEndian.Uint32(take(4)), (crc>>15|crc<<17)+0xa282ead8; got != want {
			t.Fatalf("sum %08x of %d bytes, want %08x", got, n, want)
		}
		return data
	}
	for len(b) > 0 {
		all = append(all, checked(int(binary.LittleEndian.Uint64(checked(8)))))
	}
	return all
}

// fields reads a message: the values of each field, numbers as bits.
func fields(t *testing.T, b []byte) map[uint64][]any {
	t.Helper()
	all := map[uint64][]any{}
	varint := func() uint64 {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			t.Fatalf("no varint in % x", b)
		}
		b = b[n:]
		return v
	}
	for len(b) > 0 {
		key := varint()
		var v any
		switch key & 7 {
		case 0:
			v = varint()
		case 1:
			v, b = binary.LittleEndian.Uint64(b), b[8:]
		case 2:
			n := varint()
			v, b = b[:n], b[n:]
		case 5:
			v, b = binary.LittleEndian.Uint32(b), b[4:]
		default:
			t.Fatalf("wire type %d", key&7)
		}
		all[key>>3] = append(all[key>>3], v)
	}
	return all
}

// events are the files that a run of two epochs, and two more, leaves.
func events(t *testing.T, l graph.Layer) (files [][]byte, history []train.Epoch) {
	t.Helper()
	d, err := data.MNIST()
	if err != nil {
		t.Fatal(err)
	}
	d.Train, d.Test = data.Limit(d.Train, 40), data.Limit(d.Test, 10)
	dir := t.TempDir()
	for _, epochs := range []int{2, 4} {
		res, err := train.Fit(t.Context(), l, d, train.Config{
			Epochs: epochs, Dir: dir, Resume: epochs > 2, Schedule: train.Cosine{}, Callbacks: []train.Callback{&Log{Dir: dir}},
		})
		if err != nil {
			t.Fatal(err)
		}
		history = res.History
	}
	names, err := filepath.Glob(filepath.Join(dir, "*tfevents*")) // in the order in which they were begun
	if err != nil || len(names) != 2 {
		t.Fatalf("files %v, error %v, want one of each run", names, err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, b)
	}
	return files, history
}

// A reader of the format finds every epoch's numbers, and the filters.
func TestLog(t *testing.T) {
	net := graph.Sequential{graph.Conv2D{Filters: 5, Kernel: 3}, graph.GlobalAvgPool2D{}, graph.Dense{Units: 10}}
	files, history := events(t, net)
	for run, file := range files {
		all := records(t, file)
		if run == 1 { // goes on
			if f := fields(t, all[2]); f[2][0].(uint64) != 3 || !bytes.Equal(f[7][0].([]byte), []byte{8, 1}) {
				t.Errorf("third record %v, want a SessionLog START at step 3", f)
			}
			all = slices.Delete(all, 2, 3)
		}
		if len(all) != 4 {
			t.Fatalf("%d records, want a version, a graph and two epochs", len(all))
		}
		if v := fields(t, all[0]); string(v[3][0].([]byte)) != "brain.Event:2" || len(v) != 2 {
			t.Errorf("first record %v, want the version", v)
		}
		for k, record := range all[2:] {
			e := history[2*run+k]
			f := fields(t, record)
			at := math.Float64frombits(f[1][0].(uint64))
			if f[2][0].(uint64) != uint64(e.Epoch) || math.Abs(at-float64(time.Now().Unix())) > 600 {
				t.Errorf("step %d at %f, want epoch %d now", f[2][0], at, e.Epoch)
			}
			scalars, filters := values(t, f[5][0].([]byte))
			for tag, want := range map[string]float64{
				"loss": e.Loss, "accuracy": e.Accuracy, "val_loss": e.ValLoss, "val_accuracy": e.ValAccuracy, "learning_rate": e.LearningRate,
			} {
				if got, ok := scalars[tag]; !ok || got != float32(want) || len(scalars) != 5 {
					t.Errorf("epoch %d: %s %v of %v, want %v", e.Epoch, tag, got, scalars, want)
				}
			}
			if want := image.Pt(3*26-2, 2*26-2); filters == nil || filters.Bounds().Size() != want {
				t.Errorf("epoch %d: filters %v, want a picture of %v", e.Epoch, filters, want)
			}
		}
	}
}

// A reader finds the graph as the layers made it, each node by the path of its
// layer and with the shape of its value.
func TestGraph(t *testing.T) {
	files, _ := events(t, graph.Sequential{graph.Conv2D{Filters: 5, Kernel: 3, Activation: graph.ReLU}, graph.GlobalAvgPool2D{}, graph.Dense{Units: 10}})
	var got []string
	for _, node := range fields(t, fields(t, records(t, files[0])[1])[4][0].([]byte))[1] {
		f := fields(t, node.([]byte))
		text := fmt.Sprintf("%s: %s", f[1][0], f[2][0])
		for _, in := range f[3] {
			text += fmt.Sprintf(" %s", in)
		}
		attribute := fields(t, f[5][0].([]byte))
		shapes := fields(t, fields(t, attribute[2][0].([]byte))[1][0].([]byte))[7]
		if string(attribute[1][0].([]byte)) != "_output_shapes" || len(shapes) != 1 {
			t.Errorf("%s has %q of %d shapes, want _output_shapes of one", text, attribute[1][0], len(shapes))
		}
		var dims []any
		for _, dim := range fields(t, shapes[0].([]byte))[2] {
			dims = append(dims, fields(t, dim.([]byte))[1][0])
		}
		got = append(got, fmt.Sprint(text, " ", dims))
	}
	want := []string{
		"input: Placeholder [1 1 28 28]",
		"conv2d/weight: Variable [5 1 3 3]",
		"conv2d/bias: Variable [5]",
		"conv2d/Conv2d: Conv2d stride 1x1 input conv2d/weight conv2d/bias [1 5 26 26]",
		"conv2d/ReLU: ReLU conv2d/Conv2d [1 5 26 26]",
		"globalavgpool2d/AvgPool2D: AvgPool2D 26x26 stride 26x26 conv2d/ReLU [1 5 1 1]",
		"globalavgpool2d/Reshape: Reshape globalavgpool2d/AvgPool2D [1 5]",
		"dense/weight: Variable [5 10]",
		"dense/bias: Variable [10]",
		"dense/Mul: Mul globalavgpool2d/Reshape dense/weight dense/bias [1 10]",
		"SoftMax: SoftMax dense/Mul [1 10]",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// values reads a Summary.
func values(t *testing.T, summary []byte) (scalars map[string]float32, filters image.Image) {
	t.Helper()
	scalars = map[string]float32{}
	for _, v := range fields(t, summary)[1] {
		f := fields(t, v.([]byte))
		tag := string(f[1][0].([]byte))
		if f[2] != nil {
			scalars[tag] = math.Float32frombits(f[2][0].(uint32))
			continue
		}
		im := fields(t, f[4][0].([]byte))
		img, err := png.Decode(bytes.NewReader(im[4][0].([]byte)))
		if err != nil {
			t.Fatal(err)
		}
		size := img.Bounds().Size()
		if tag != "filters" || im[1][0] != uint64(size.Y) || im[2][0] != uint64(size.X) || im[3][0] != uint64(3) {
			t.Errorf("picture %q of height, width and colours %v, want %v", tag, im, size)
		}
		filters = img
	}
	return scalars, filters
}

// A network that begins otherwise has no filters to show.
func TestNoFilters(t *testing.T) {
	files, _ := events(t, graph.Sequential{graph.Flatten{}, graph.Dense{Units: 10}})
	if _, filters := values(t, fields(t, records(t, files[0])[2])[5][0].([]byte)); filters != nil {
		t.Errorf("filters %v of a dense layer", filters.Bounds())
	}
}

// Weights become levels of grey, or of each colour.
func TestDraw(t *testing.T) {
	grey := tensor.New(tensor.WithShape(2, 1, 1, 2), tensor.WithBacking([]float32{-2, 2, 0, 1}))
	img := draw(grey)
	if got, want := img.Bounds().Size(), image.Pt(2*18-2, 8); got != want {
		t.Fatalf("size %v, want %v", got, want)
	}
	for x, want := range map[int]uint32{0: 0, 7: 0, 8: 255, 15: 255, 16: 255, 17: 255, 18: 128, 26: 191} {
		if r, g, b, _ := img.At(x, 7).RGBA(); r>>8 != want || g != r || b != r {
			t.Errorf("pixel %d is %d %d %d, want %d", x, r>>8, g>>8, b>>8, want)
		}
	}
	colour := draw(tensor.New(tensor.WithShape(1, 3, 1, 1), tensor.WithBacking([]float32{1, -1, 0})))
	if got := fmt.Sprint(colour.At(4, 4)); got != "{255 0 128 255}" {
		t.Errorf("a colour filter is %s", got)
	}
}

// What cannot be written ends the run with an error, after its checkpoint.
func TestLogErrors(t *testing.T) {
	d, err := data.MNIST()
	if err != nil {
		t.Fatal(err)
	}
	d.Train, d.Test = data.Limit(d.Train, 40), data.Limit(d.Test, 10)
	missing := filepath.Join(t.TempDir(), "none")
	net := graph.Sequential{graph.Flatten{}, graph.Dense{Units: 10}}
	res, err := train.Fit(context.Background(), net, d, train.Config{Epochs: 2, Callbacks: []train.Callback{&Log{Dir: missing}}})
	if !errors.Is(err, fs.ErrNotExist) || res == nil || len(res.History) != 1 {
		t.Errorf("result %+v, error %v, want one epoch and the missing folder", res, err)
	}
}
