package serve

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"

	"tapenet/graph/memory"
	"tapenet/infer"
	"tapenet/modelzoo/open"
)

// place is where a version of a model is found: by clients, and on disk.
type place struct{ name, version, path string }

// model is one version of a model, loaded.
type model struct {
	place
	*batcher[infer.Prediction]
	explainer *batcher[explanation]
	predictor *infer.Predictor
	input     [3]int
	classes   []string
	memory    int            // bytes that it may take
	users     sync.WaitGroup // requests that have it
	spare     sync.Pool      // *[]float32 of an image each
}

// values is how many numbers an image has.
func (m *model) values() int { return m.input[0] * m.input[1] * m.input[2] }

// models are those that are served. A version is replaced while requests go on:
// those that have the old one finish with it, and its worker ends after them.
type models struct {
	config  Config
	metrics *metrics

	reloading sync.Mutex            // one reload at a time
	tried     map[place]fs.FileInfo // the file of the last attempt to load

	retired sync.WaitGroup // models that requests still have

	mu    sync.RWMutex // guards what follows; held for moments only
	byKey map[string]map[string]*model
	taken int // bytes that all models may take, the retired ones too
}

func newModels(c Config, m *metrics) *models {
	return &models{config: c, metrics: m, tried: map[place]fs.FileInfo{}, byKey: map[string]map[string]*model{}}
}

// acquire returns a version of a model, the newest if version is "". The caller
// calls users.Done.
func (ms *models) acquire(name, version string) (*model, error) {
	ms.mu.RLock()
	defer ms.mu.RUnlock()
	versions := ms.byKey[name]
	if len(versions) == 0 {
		return nil, failed(http.StatusNotFound, kindModel, "no model %.100q, want %s", name, oneOf(slices.Sorted(maps.Keys(ms.byKey))))
	}
	if version == "" {
		version = slices.MaxFunc(slices.Collect(maps.Keys(versions)), byNumber)
	}
	m := versions[version]
	if m == nil {
		return nil, failed(http.StatusNotFound, kindModel, "no version %.100q of model %s, want %s", version, name, oneOf(slices.SortedFunc(maps.Keys(versions), byNumber)))
	}
	m.users.Add(1)
	return m, nil
}

// versions are those of a model, the oldest first.
func (ms *models) versions(name string) []string {
	ms.mu.RLock()
	defer ms.mu.RUnlock()
	return slices.SortedFunc(maps.Keys(ms.byKey[name]), byNumber)
}

// names are those of the models, sorted.
func (ms *models) names() []string {
	ms.mu.RLock()
	defer ms.mu.RUnlock()
	return slices.Sorted(maps.Keys(ms.byKey))
}

// byNumber orders versions, which are numbers without leading zeros.
func byNumber(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}

func oneOf(names []string) string {
	const most = 20
	if len(names) > most {
		names = append(names[:most:most], "…")
	}
	return "one of " + strings.Join(names, ", ")
}

// reload loads what is new or has changed on disk, and drops what is gone. A
// model that cannot be loaded is an error, and its former version, if there is
// one, goes on; it is tried again when its file has changed.
func (ms *models) reload() error {
	ms.reloading.Lock()
	defer ms.reloading.Unlock()
	places, err := ms.places()
	if err != nil {
		return err
	}
	var errs []error
	for _, p := range places {
		errs = append(errs, ms.refresh(p))
	}
	ms.retireOthers(places)
	return errors.Join(errs...)
}

// refresh loads a model if its file has changed.
func (ms *models) refresh(p place) error {
	file, err := os.Stat(open.File(p.path))
	if before, again := ms.tried[p]; again && same(before, file) {
		return nil
	}
	ms.tried[p] = nil
	if err == nil {
		ms.tried[p] = file // before it is read: a later change is seen later
	}
	m, err := ms.load(p)
	ms.metrics.load(p, err)
	if err != nil {
		return fmt.Errorf("serve: model %s, version %s, is not loaded: %w", p.name, p.version, err)
	}
	ms.put(m)
	for _, note := range m.predictor.Notes() {
		ms.config.Log.Warn(note, "model", p.name, "version", p.version)
	}
	ms.config.Log.Info("model loaded", "model", p.name, "version", p.version, "path", p.path, "memory", memory.Text(m.predictor.Memory()))
	return nil
}

func same(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// reserve builds a model's graphs, and returns the bytes that it may take: an error if
// these are more than the other models leave.
func (ms *models) reserve(p *infer.Predictor) (bytes int, err error) {
	left := func() int {
		ms.mu.RLock()
		defer ms.mu.RUnlock()
		return int(ms.config.ModelMemory) - ms.taken
	}
	if bytes, err = p.Reserve(ms.config.Batch, left()); err == nil {
		return bytes, nil
	}
	ms.retired.Wait() // their memory may do
	runtime.GC()      // which ends with finalizers of their graphs
	debug.FreeOSMemory()
	if bytes, err = p.Reserve(ms.config.Batch, left()); err != nil {
		return 0, fmt.Errorf("%w; all models may have %s (ModelMemory, -model-memory), others have %s of that",
			err, memory.Text(int(ms.config.ModelMemory)), memory.Text(int(ms.config.ModelMemory)-left()))
	}
	return bytes, nil
}

// load reads a model and runs it once for each size of batch and for an
// explanation, so that its graphs are built, and a network that gives no
// probabilities is not served.
func (ms *models) load(p place) (m *model, err error) {
	predictor, err := ms.config.Load(p.path)
	if err != nil {
		return nil, err
	}
	m = &model{place: p, predictor: predictor, input: predictor.Input, classes: predictor.Classes}
	if m.memory, err = ms.reserve(predictor); err != nil {
		return nil, err
	}
	predict := ms.config.wrap(func(images [][]float32) ([]infer.Prediction, error) {
		predictions, err := predictor.Predict(images)
		if errors.Is(err, infer.ErrNotFinite) {
			err = nil // each call looks at its own
		}
		return predictions, err
	})
	blank := make([]float32, m.values())
	for n := 1; n <= ms.config.Batch; n *= 2 {
		predictions, err := predict(slices.Repeat([][]float32{blank}, n))
		if err != nil {
			return nil, err
		}
		if !finite(predictions) {
			return nil, errors.New("its output for a blank image is not finite")
		}
	}
	if _, err := why(predictor, blank, 0); err != nil {
		return nil, err
	}
	m.batcher = newBatcher(predict, ms.config, ms.metrics.of(p))
	m.explainer = newExplainer(predict, predictor, ms.config)
	return m, nil
}

// close ends the model's workers.
func (m *model) close() {
	m.batcher.close()
	m.explainer.close()
}

// finite tells whether all probabilities and scores are numbers.
func finite(predictions []infer.Prediction) bool {
	for _, p := range predictions {
		if p.Score-p.Score != 0 {
			return false
		}
		for _, v := range p.Probabilities {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				return false
			}
		}
	}
	return true
}

// put serves a model, instead of another that has its name and version.
func (ms *models) put(m *model) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	versions := ms.byKey[m.name]
	if versions == nil {
		versions = map[string]*model{}
		ms.byKey[m.name] = versions
	}
	if old := versions[m.version]; old != nil {
		ms.retire(old)
	}
	versions[m.version] = m
	ms.taken += m.memory
}

// retire ends a model that nobody can acquire any more.
func (ms *models) retire(m *model) {
	ms.retired.Go(func() {
		m.users.Wait()
		m.close()
		ms.mu.Lock()
		defer ms.mu.Unlock()
		ms.taken -= m.memory
	})
}

// retireOthers drops all models but the ones at the given places.
func (ms *models) retireOthers(places []place) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	for name, versions := range ms.byKey {
		for version, m := range versions {
			if slices.Contains(places, m.place) {
				continue
			}
			delete(versions, version)
			ms.retire(m)
			ms.metrics.forget(m.place)
			ms.config.Log.Info("model dropped", slog.String("model", name), slog.String("version", version))
		}
		if len(versions) == 0 {
			delete(ms.byKey, name)
		}
	}
	maps.DeleteFunc(ms.tried, func(p place, _ fs.FileInfo) bool { return !slices.Contains(places, p) })
}

// close drops all models.
func (ms *models) close() {
	ms.reloading.Lock()
	defer ms.reloading.Unlock()
	ms.retireOthers(nil)
}

// places are where models are to be looked for.
func (ms *models) places() ([]place, error) {
	if ms.config.Model != "" {
		path, err := filepath.Abs(ms.config.Model)
		if err != nil {
			return nil, err
		}
		if ms.config.Name != "" {
			return versions(ms.config.Name, path), nil
		}
		return versions(nameOf(path), path), nil
	}
	entries, err := os.ReadDir(ms.config.Models)
	if err != nil {
		return nil, fmt.Errorf("serve: no models: %w", err)
	}
	var places []place
	for _, e := range entries {
		path := filepath.Join(ms.config.Models, e.Name())
		s, err := os.Stat(path)
		switch {
		case err != nil || strings.HasPrefix(e.Name(), "."):
		case s.IsDir():
			places = append(places, versions(e.Name(), path)...)
		case open.IsModel(e.Name()):
			places = append(places, place{nameOf(path), "1", path})
		}
	}
	return places, nil
}

// nameOf is what a model is called: its folder's name, or its file's.
func nameOf(path string) string {
	name := filepath.Base(path)
	if s, err := os.Stat(path); err == nil && s.IsDir() {
		return name
	}
	if strings.TrimSuffix(name, filepath.Ext(name)) == "model" {
		return filepath.Base(filepath.Dir(path))
	}
	return strings.TrimSuffix(name, filepath.Ext(name))
}

// versions are the sub-folders of a model's folder that have numbers for names.
// If there is none, the folder is itself a run's, and version 1.
func versions(name, path string) []place {
	var places []place
	entries, _ := os.ReadDir(path) // what cannot be read is reported when it is loaded
	for _, e := range entries {
		if n, err := strconv.ParseUint(e.Name(), 10, 32); err == nil && strconv.FormatUint(n, 10) == e.Name() {
			places = append(places, place{name, e.Name(), filepath.Join(path, e.Name())})
		}
	}
	if len(places) == 0 {
		places = []place{{name, "1", path}}
	}
	return places
}
