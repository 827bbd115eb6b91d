package torture

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tapenet/graph"
	"tapenet/graph/weights"
	"tapenet/infer"
	"tapenet/infer/serve"
	"tapenet/modelzoo"
	"tapenet/train"
	"tapenet/train/data"
)

// damages change a file's bytes. They may change nothing, as zeros in a row of zeros do.
var damages = []struct {
	name   string
	damage func(b []byte, random *rand.Rand) []byte
}{
	{"a bit flipped", func(b []byte, random *rand.Rand) []byte { return flip(b, random, 1) }},
	{"some bits flipped", func(b []byte, random *rand.Rand) []byte { return flip(b, random, 2+random.IntN(20)) }},
	{"a bit of the header flipped", func(b []byte, random *rand.Rand) []byte {
		flip(b[:min(len(b), 8192)], random, 1) // of which the headers are most
		return b
	}},
	{"zeros in a page", func(b []byte, random *rand.Rand) []byte {
		page := random.IntN((len(b) + 4095) / 4096)
		p := b[page*4096 : min(page*4096+4096, len(b))]
		if random.IntN(2) == 0 {
			p = p[random.IntN(len(p)):]
		}
		clear(p)
		return b
	}},
	{"cut off", func(b []byte, random *rand.Rand) []byte { return b[:random.IntN(len(b))] }},
	{"appended to", func(b []byte, random *rand.Rand) []byte { return append(b, make([]byte, 1+random.IntN(9000))...) }},
	{"second half shifted", func(b []byte, random *rand.Rand) []byte {
		n, by := len(b)/2, 1+random.IntN(64)
		copy(b[n+by:], bytes.Clone(b[n:]))
		return b
	}},
}

func flip(b []byte, random *rand.Rand, n int) []byte {
	for range n {
		b[random.IntN(len(b))] ^= 1 << random.IntN(8)
	}
	return b
}

// Besides, a file takes the place of another.
const (
	ofAnotherRun = "that of another run"
	another      = "another file of the run"
)

// TestTortureDamage damages files of a run, and reads them.
//
// A whole file in the place of another is damage where it is wrong there: a checkpoint of
// other settings, or best weights that are not those of the run's best epoch, do not go
// on. A whole model in the place of another is a model: nobody can tell that it is not
// meant. So is an earlier checkpoint of the same run, which comes to the same end.
//
// The settings, a text that people may change, carry no checksum: of a damaged one it
// counts that the run goes on to its own end, from the settings in its checkpoint.
func TestTortureDamage(t *testing.T) {
	Part{
		Name: "damage", Short: 120, Full: 10000,
		Failure: "a file of a run, or an exported one, is damaged: bits flipped, a page zeroed, cut off, appended to, shifted, or another file takes its place; " +
			"read by Load, resume, ReadRecord and a server's reload, one in fifty by infer, export, runs and train",
		Guarantee: "the damage is noticed, or what is read is the same",
	}.Run(t, func(t *testing.T, number int) string {
		random := rand.New(rand.NewPCG(uint64(number), 4))
		v := &victim{t: t, random: random, dir: filepath.Join(t.TempDir(), "run")}
		v.copy()
		asCommand := number%50 == 49
		kind := v.damage(asCommand)
		noticed := false
		switch isModel := strings.HasSuffix(v.file, "model.safetensors") || strings.HasSuffix(v.file, "best.safetensors") || strings.HasPrefix(v.file, "exported"); {
		case asCommand:
			noticed = v.command()
		case isModel && v.load():
			noticed = true
			if v.file == train.BestFile {
				v.resume()
			}
		case isModel && v.file == train.ModelFile && random.IntN(10) == 0:
			noticed = v.reload()
		case isModel && v.file != train.BestFile:
		default:
			noticed = v.resume()
		}
		if t.Failed() {
			t.Logf("%s: %s", v.file, kind)
		}
		if noticed {
			return kind + ": noticed"
		}
		return kind + ": harmless"
	})
}

// The flags and the number of epochs of the run whose files are damaged.
const (
	spoilt = "-model lenet5 -data DIGITS/idx -limit 64 -batch 32 -optimizer adam -lr 0.003 -schedule constant -augment none -average 0.9 -patience 4 -keep 2"
	done   = 3
)

// sound is a run of some seed, of done epochs, with two exported files.
func sound(t *testing.T, seed int) string {
	t.Helper()
	return share(t, fmt.Sprint("sound", seed), func() string {
		dir := filepath.Join(shared, fmt.Sprint("sound", seed))
		succeed(t, program(t, "train", "-tags", "mpi"), append(arguments(t, spoilt), "-epochs", fmt.Sprint(done), "-seed", fmt.Sprint(seed), "-out", dir)...)
		m, err := weights.Load(filepath.Join(dir, train.ModelFile))
		if err != nil {
			t.Fatal(err)
		}
		for name, f := range map[string]weights.File{
			"exported-half.safetensors": {Tensors: m.Tensors, Metadata: m.Metadata, Half: true},
			"exported-int8.safetensors": {Tensors: m.Tensors, Metadata: m.Metadata, Int8: true},
		} {
			if err := f.Save(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	})
}

// victim is a run of which a file is damaged.
type victim struct {
	t      *testing.T
	random *rand.Rand
	dir    string
	file   string // the damaged one
	donor  string // what it was replaced by; "" if it was not
}

// copy makes the run's folder from links: a run replaces its files and changes none.
func (v *victim) copy() {
	from := sound(v.t, 1)
	if err := os.Mkdir(v.dir, 0o755); err != nil {
		v.t.Fatal(err)
	}
	for _, name := range names(v.t, from) {
		if err := os.Link(filepath.Join(from, name), filepath.Join(v.dir, name)); err != nil {
			v.t.Fatal(err)
		}
	}
}

// damage damages a random file, and tells how. Files besides tensors are left to the
// commands, which read them.
func (v *victim) damage(all bool) (kind string) {
	files := slices.DeleteFunc(names(v.t, v.dir), func(name string) bool { return !all && filepath.Ext(name) != ".safetensors" })
	v.file = files[v.random.IntN(len(files))]
	path := filepath.Join(v.dir, v.file)
	b := v.read(path)
	switch i := v.random.IntN(len(damages) + 2); {
	case i < len(damages):
		kind, b = damages[i].name, damages[i].damage(b, v.random)
	case i == len(damages):
		kind, v.donor = ofAnotherRun, filepath.Join(sound(v.t, 2), v.file)
	default:
		kind, v.donor = another, filepath.Join(sound(v.t, 1), files[v.random.IntN(len(files))])
	}
	if v.donor != "" && filepath.Ext(v.file) == ".tapenet" { // TensorBoard's, whose name has a time
		kind, v.donor = another, filepath.Join(sound(v.t, 1), train.ModelFile)
	}
	if v.donor != "" {
		b = v.read(v.donor)
	}
	if err := os.Remove(path); err != nil { // and not what it is a link to
		v.t.Fatal(err)
	}
	v.write(path, b)
	return kind
}

func (v *victim) read(path string) []byte {
	v.t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		v.t.Fatal(err)
	}
	return b
}

func (v *victim) write(path string, b []byte) {
	v.t.Helper()
	if err := os.WriteFile(path, b, 0o644); err != nil {
		v.t.Fatal(err)
	}
}

// load reads the file as a model, and tells whether that was an error; one that is read
// must be what it was, or the whole model that took its place.
func (v *victim) load() (noticed bool) {
	path := filepath.Join(v.dir, v.file)
	got, err := weights.LoadModel(path)
	_, refused := infer.Load(path)
	if (err == nil) != (refused == nil) {
		v.t.Errorf("weights.LoadModel: %v; infer.Load: %v", err, refused)
	}
	if err != nil {
		oneLine(v.t, err)
		return true
	}
	from := v.donor
	if from == "" {
		from = filepath.Join(sound(v.t, 1), v.file)
	}
	want, err := weights.LoadModel(from)
	if err != nil {
		v.t.Fatal(err)
	}
	if a, b := hash(v.t, got.Tensors), hash(v.t, want.Tensors); a != b {
		v.t.Errorf("accepted with other weights: %s, want %s", a, b)
	}
	got.Tensors, want.Tensors = nil, nil
	if !reflect.DeepEqual(got, want) {
		v.t.Errorf("accepted as %+v, want %+v", got, want)
	}
	return false
}

// oneLine fails unless an error is one line that says what is wrong.
func oneLine(t *testing.T, err error) {
	t.Helper()
	if text := err.Error(); strings.Contains(text, "\n") || len(text) < 20 || len(text) > 2000 || strings.Contains(text, "panic") {
		t.Errorf("error %.3000q, want one line", text)
	}
}

// reload has a server take up the file, and tells whether it refused; it must answer as
// before, or as the model that took the file's place.
func (v *victim) reload() (noticed bool) {
	dir, path := filepath.Join(v.t.TempDir(), "m"), filepath.Join(v.dir, v.file)
	damaged, before := v.read(path), v.read(filepath.Join(sound(v.t, 1), v.file))
	if err := os.Mkdir(dir, 0o755); err != nil {
		v.t.Fatal(err)
	}
	served := filepath.Join(dir, train.ModelFile)
	v.write(served, before)
	s, err := serve.New(serve.Config{Model: dir, Batch: 1, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		v.t.Fatal(err)
	}
	defer s.Close()
	v.write(served+".new", damaged)
	if err := os.Rename(served+".new", served); err != nil {
		v.t.Fatal(err)
	}
	err = s.Reload()
	_, unread := weights.LoadModel(served)
	if (err == nil) != (unread == nil) {
		v.t.Errorf("the server says %v, weights.LoadModel %v", err, unread)
	}
	if err := s.Ready(); err != nil {
		v.t.Errorf("the server is not ready after a reload: %v", err)
	}
	return err != nil
}

// started is a callback that keeps what a run says at its start.
type started struct {
	train.Ignore
	recovered string
}

// Start is the train.Callback's.
func (s *started) Start(_ *graph.Network, p train.Progress) error {
	s.recovered = p.Recovered
	return nil
}

// resume goes on with the run, for an epoch more or to say that it is complete, and tells whether the damage was noticed.
// A run that goes on must come to its own end. The file is made the one that is read: those
// in front of it are gone.
func (v *victim) resume() (noticed bool) {
	gone := []string{}
	switch {
	case v.file == train.PreviousFile:
		gone = []string{train.CheckpointFile}
	case strings.HasPrefix(v.file, "epoch-"):
		gone = []string{train.BestFile, "previous-best.safetensors"}
	case v.file == "previous-best.safetensors":
		gone = []string{train.BestFile}
	}
	for _, name := range gone {
		if err := os.Remove(filepath.Join(v.dir, name)); err != nil {
			v.t.Fatal(err)
		}
	}
	if v.file == train.CheckpointFile {
		v.record()
	}
	_, unread := weights.Load(filepath.Join(v.dir, v.file))
	epochs, s := done+v.random.IntN(2), &started{}
	want := straight(v.t, epochs)
	if _, err := train.Fit(v.t.Context(), v.network(), v.data(), v.config(epochs, s)); err != nil {
		oneLine(v.t, err)
		return true
	}
	same(v.t, contents(v.t, v.dir), want)
	return unread != nil || s.recovered != "" && len(gone) == 0
}

// record reads what the checkpoint says of the run, and tells whether that was an error.
func (v *victim) record() (noticed bool) {
	v.t.Helper()
	r, err := train.ReadRecord(v.dir)
	if err != nil {
		oneLine(v.t, err)
		return true
	}
	if v.donor != "" { // whole
		return false
	}
	want, err := train.ReadRecord(sound(v.t, 1))
	if err != nil {
		v.t.Fatal(err)
	}
	if epoch := len(r.History); epoch < done { // of the checkpoint before
		want.History = want.History[:epoch]
	}
	if !reflect.DeepEqual(r, want) {
		v.t.Errorf("the record is %+v, want %+v", r, want)
	}
	return len(r.History) < done
}

func (v *victim) network() graph.Layer {
	spec, err := modelzoo.Lookup("lenet5")
	if err != nil {
		v.t.Fatal(err)
	}
	return spec.New(10)
}

func (v *victim) data() data.Dataset {
	return share(v.t, "spoilt data", func() data.Dataset {
		d, err := data.IDX(filepath.Join(digits(v.t), "idx"))
		if err != nil {
			v.t.Fatal(err)
		}
		d.Train, d.Test = data.Limit(d.Train, 64), data.Limit(d.Test, 64)
		return d
	})
}

// config is what the flags of the run mean.
func (v *victim) config(epochs int, c ...train.Callback) train.Config {
	return train.Config{
		Epochs: epochs, Batch: 32, Optimizer: train.Adam{LR: 0.003}, Average: 0.9, Patience: 4, KeepCheckpoints: 2, Seed: 1, Accumulate: 1,
		Model: "lenet5", Dir: v.dir, Resume: true, Callbacks: c,
	}
}

// straight is what the undamaged run comes to after some epochs.
func straight(t *testing.T, epochs int) map[string]string {
	t.Helper()
	return share(t, fmt.Sprint("straight", epochs), func() map[string]string {
		v := &victim{t: t, dir: filepath.Join(t.TempDir(), "run")}
		v.copy()
		if _, err := train.Fit(t.Context(), v.network(), v.data(), v.config(epochs)); err != nil {
			t.Fatal(err)
		}
		return contents(t, v.dir)
	})
}

// command reads the folder by a command, and tells whether it said that something is wrong.
func (v *victim) command() (noticed bool) {
	whole := sound(v.t, 1)
	if v.donor != "" && v.file == train.ModelFile && filepath.Ext(v.donor) == ".safetensors" {
		whole = v.donor
	}
	data := filepath.Join(digits(v.t), "idx")
	switch v.random.IntN(4) {
	case 0:
		e := execute(v.t, program(v.t, "infer"), "-model", v.dir, "-data", data)
		if e.code != 0 {
			e.reason(v.t)
			return true
		}
		if want := succeed(v.t, program(v.t, "infer"), "-model", whole, "-data", data); e.stdout != want.stdout {
			v.t.Errorf("infer printed\n%s\nwant\n%s", e.stdout, want.stdout)
		}
	case 1:
		to := filepath.Join(v.t.TempDir(), "x.npz")
		e := execute(v.t, program(v.t, "export"), "-model", v.dir, "-to", "npz", "-out", to)
		if e.code != 0 {
			e.reason(v.t)
			return true
		}
		want := filepath.Join(v.t.TempDir(), "y.npz")
		succeed(v.t, program(v.t, "export"), "-model", whole, "-to", "npz", "-out", want)
		if !bytes.Equal(v.read(to), v.read(want)) {
			v.t.Error("export wrote other weights")
		}
	case 2:
		path := filepath.Join(v.dir, v.file)
		e := execute(v.t, program(v.t, "runs"), "-verify", v.dir)
		_, err := weights.Load(path)
		isDamaged := err != nil && filepath.Ext(v.file) == ".safetensors"
		if isDamaged != (e.code == 1) || isDamaged != strings.Contains(e.stdout, path+": damaged") {
			v.t.Errorf("%s: error %v, and runs -verify ends with exit code %d and\n%s", v.file, err, e.code, e.stdout)
		}
		return isDamaged
	default:
		e := execute(v.t, program(v.t, "train", "-tags", "mpi"), append(arguments(v.t, spoilt), "-epochs", fmt.Sprint(done+1), "-resume", "-out", v.dir)...)
		if e.code != 0 {
			e.reason(v.t)
			return true
		}
		same(v.t, contents(v.t, v.dir), straight(v.t, done+1))
		return strings.Contains(e.stdout, "goes on from the checkpoint before it")
	}
	return false
}
