package train

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"image/png"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tapenet/cmd/internal/earlier"
	"tapenet/graph/op"
	"tapenet/graph/weights"
	"tapenet/infer"
	"tapenet/infer/serve"
	"tapenet/train"
)

// earlierRun copies the run of an earlier commit.
func earlierRun(t *testing.T) earlier.Run {
	t.Helper()
	r, err := earlier.Copy(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// same fails unless probabilities are those of the earlier commit but for rounding.
func same(t *testing.T, what string, i int, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s %d: %d probabilities, want %d", what, i, len(got), len(want))
	}
	for class := range got {
		if !(math.Abs(float64(got[class]-want[class])) <= 1e-5) {
			t.Errorf("%s %d, class %d: probability %v, of the earlier commit %v", what, i, class, got[class], want[class])
		}
	}
}

// TestEarlierPredicts: the model of an earlier commit gives the probabilities that
// it gave there, to pixels and to pictures.
func TestEarlierPredicts(t *testing.T) {
	r := earlierRun(t)
	p, err := infer.Load(r.Dir)
	if err != nil {
		t.Fatal(err)
	}
	ofImages, err := p.Predict(r.Images)
	if err != nil {
		t.Fatal(err)
	}
	ofPictures, err := p.PredictImages(r.Pictures...)
	if err != nil {
		t.Fatal(err)
	}
	for i := range r.Images {
		same(t, "image", i, ofImages[i].Probabilities, r.OfImages[i])
		same(t, "picture", i, ofPictures[i].Probabilities, r.OfPictures[i])
	}
}

// TestEarlierServes: a server answers with them.
func TestEarlierServes(t *testing.T) {
	r := earlierRun(t)
	s, err := serve.New(serve.Config{Model: r.Dir, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i, picture := range r.Pictures {
		var body bytes.Buffer
		if err := png.Encode(&body, picture); err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("POST", "/classify", &body))
		var got struct{ Probabilities []float32 }
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK {
			t.Fatalf("status %d, error %v, %s", w.Code, err, w.Body)
		}
		same(t, "picture", i, got.Probabilities, r.OfPictures[i])
	}
}

// TestEarlierResumes: the run goes on from the middle of its fifth epoch to the
// losses that the earlier commit came to, and says in one line that its bits will
// be others. Going on once more says nothing.
func TestEarlierResumes(t *testing.T) {
	r := earlierRun(t)
	args := append(r.Flags(), "-resume", "-out", r.Dir)
	out := trained(t, append(args, "-epochs", "6")...)
	const note = "note: an earlier version took its steps, whose kernels sum in another order than this one's"
	if strings.Count(out, "\nnote: ") != 1 || !strings.Contains(out, "\n"+note) ||
		!strings.Contains(out, "going on with "+r.Dir+" in epoch 5 after 8 of 160 images\n") {
		t.Errorf("printed\n%s\nwant that it goes on in epoch 5, and one line %q", out, note)
	}
	record, err := train.ReadRecord(r.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(record.History) != 6 {
		t.Fatalf("%d epochs, want 6", len(record.History))
	}
	for i, e := range record.History[4:] {
		if math.Abs(e.Loss-r.Loss[i]) > 1e-4 || math.Abs(e.ValLoss-r.ValLoss[i]) > 1e-4 {
			t.Errorf("epoch %d: losses %v and %v, of the earlier commit %v and %v", e.Epoch, e.Loss, e.ValLoss, r.Loss[i], r.ValLoss[i])
		}
	}
	line := fmt.Sprintf("# went on after 8 of 160 images of epoch 5 with -data %q instead of \"digits\", -epochs 6 instead of 1000, in another arithmetic\n", r.Data)
	if got := string(read(t, r.Dir, configFile)); !strings.HasPrefix(got, changed) || strings.Count(got, line) != 1 {
		t.Errorf("%s is\n%s\nwant one line %q", configFile, got, line)
	}
	holdBits(t, r.Dir)
	again := trained(t, append(args, "-epochs", "7")...)
	if strings.Contains(again, "note:") {
		t.Errorf("going on once more printed\n%s\nwant no note", again)
	}
}

// holdBits fails if the weights that the run has come to are not, bit for bit, those
// of this revision of the kernels. Plain Go may round in another way.
func holdBits(t *testing.T, dir string) {
	t.Helper()
	m, err := weights.LoadModel(filepath.Join(dir, train.ModelFile))
	if err != nil {
		t.Fatal(err)
	}
	h := crc32.NewIEEE()
	for _, name := range slices.Sorted(maps.Keys(m.Tensors)) {
		binary.Write(h, binary.LittleEndian, m.Tensors[name].Float32s())
	}
	golden := map[string]uint32{"2": 0xcb447bac}
	if want, ok := golden[op.Arithmetic()]; ok && h.Sum32() != want {
		t.Errorf("the weights have checksum %#08x, want %#08x: training comes to other bits than before. If that is meant, raise Revision in "+
			"graph/internal/kernel/revision.go, unless no commit that others have seen has the present one, and write the checksum here", h.Sum32(), want)
	}
}
