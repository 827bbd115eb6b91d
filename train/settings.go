package train

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"

	"tapenet/train/data"
)

// setting is something about a run that must not change when it goes on.
type setting struct {
	key  string // in the checkpoint
	name string // for people
	verb string // that prints it: a bounded one for text, which comes from a file
	of   func(*run) any
}

// lanesKey is the key of the one setting whose value is 1 where a checkpoint does not
// have it: those of older versions do not.
const lanesKey = "Lanes"

// allSettings are the settings, in the order in which their differences are told. A
// field of Config is among them, or does not change what a step computes.
var allSettings = []setting{
	{"Model", "model", "%.100q", func(r *run) any { return r.Model }},
	{"Dataset", "dataset", "%.100q", func(r *run) any { return r.data.Name }},
	{"Changes", "change of the images", "%.100q", func(r *run) any { return r.data.Changes }},
	{"Shape", "shape of an image", "%d", func(r *run) any { return r.data.Shape }},
	{"Images", "number of training images", "%d", func(r *run) any { return r.data.Train.Len() }},
	{"TestImages", "number of test images", "%d", func(r *run) any { return r.data.Test.Len() }},
	{"HeldOut", "holding out of test images", "%t", func(r *run) any { return r.data.HeldOut }},
	{"Batch", "batch size", "%d", func(r *run) any { return r.Batch }},
	{lanesKey, "number of lanes", "%d", func(r *run) any { return r.lanes.count }},
	{"Optimizer", "optimizer", "%.100q", func(r *run) any { return describe(r.Optimizer) }},
	{"Seed", "seed", "%d", func(r *run) any { return r.Seed }},
	{"ClipNorm", "clipping by norm", "%g", func(r *run) any { return r.ClipNorm }},
	{"ClipValue", "clipping by value", "%g", func(r *run) any { return r.ClipValue }},
	{"Average", "average", "%g", func(r *run) any { return r.Average }},
	{"Accumulate", "accumulation", "%d", func(r *run) any { return r.Accumulate }},
	{"LabelSmoothing", "label smoothing", "%g", func(r *run) any { return r.LabelSmoothing }},
	{"GeneralizedCrossEntropy", "generalized cross-entropy", "%g", func(r *run) any { return r.GeneralizedCrossEntropy }},
	{"Focal", "γ of the focal loss", "%g", func(r *run) any { return r.Focal }},
	{"Mixup", "mixup", "%g", func(r *run) any { return r.Mixup }},
	{"CutMix", "cutmix", "%g", func(r *run) any { return r.CutMix }},
	{"Defence", "defence", "%.100q", func(r *run) any { return describeDefence(r.Defence) }},
	{"ClassWeights", "class weighting", "%.100q", func(r *run) any { return describeClassWeights(r.ClassWeights) }},
	{"SampleWeights", "sample weighting", "%.100q", func(r *run) any { return describeWeights(r.SampleWeights) }},
	{"Rates", "learning rates' factors", "%.100q", func(r *run) any { return describeRates(r.Rates) }},
	{"Schedule", "schedule", "%.100q", func(r *run) any { return describeSchedule(r.Schedule) }},
}

// settings are the values of allSettings by key, in JSON. What is missing is the zero
// value, as most settings of most runs are.
type settings map[string]json.RawMessage

func (r *run) settings() (settings, error) {
	s := settings{}
	for _, f := range allSettings {
		v := f.of(r)
		if reflect.ValueOf(v).IsZero() || f.key == lanesKey && v == 1 {
			continue
		}
		text, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("the %s: %w", f.name, err)
		}
		s[f.key] = text
	}
	return s, nil
}

// read sets *to to a setting of a checkpoint, and reports false if that is something
// else than such a value.
func (s settings) read(key string, to any) bool {
	text, ok := s[key]
	return !ok || json.Unmarshal(text, to) == nil
}

// number is a setting that is a number; -1, which none is, if it is something else.
func (s settings) number(key string) (n int) {
	if !s.read(key, &n) {
		return -1
	}
	return n
}

// text is a setting that is text.
func (s settings) text(key string) (text string) {
	s.read(key, &text)
	return text
}

// seed is the seed.
func (s settings) seed() (n uint64) {
	s.read("Seed", &n)
	return n
}

// testPart is "test" or "validation", as data.Dataset.TestPart has it; "" in a
// checkpoint that does not say what the run was tested on, as older ones do not.
func (s settings) testPart() string {
	if s.number("TestImages") <= 0 {
		return ""
	}
	var held bool
	s.read("HeldOut", &held)
	return data.Dataset{HeldOut: held}.TestPart()
}

// differences says in which settings s, a checkpoint's, is not that of the run.
// Settings of a checkpoint that does not have them, see testPart, are any.
func (s settings) differences(r *run) string {
	var all []string
	for _, f := range allSettings {
		if (f.key == "Shape" || f.key == "TestImages" || f.key == "HeldOut") && s.testPart() == "" {
			continue
		}
		now := f.of(r)
		pointer := reflect.New(reflect.TypeOf(now))
		if f.key == lanesKey {
			pointer.Elem().SetInt(1)
		}
		if !s.read(f.key, pointer.Interface()) {
			all = append(all, fmt.Sprintf("its %s is %.100q, this run's "+f.verb, f.name, string(s[f.key]), now))
			continue
		}
		if saved := pointer.Elem().Interface(); saved != now {
			if text, ok := saved.(string); ok {
				saved, now = apart(text, now.(string))
			}
			all = append(all, fmt.Sprintf("its %s is "+f.verb+", this run's "+f.verb, f.name, saved, now))
		}
	}
	return strings.Join(all, "; ")
}

// apart leaves out most of a long beginning that two texts have in common.
func apart(a, b string) (string, string) {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	if n < 60 {
		return a, b
	}
	for n -= 30; n > 0 && !utf8.RuneStart(a[n]); n-- {
	}
	return "…" + a[n:], "…" + b[n:]
}

func describeSchedule(s Schedule) string {
	if s == nil {
		return ""
	}
	return describe(s)
}

func describeClassWeights(w []float64) string {
	if w == nil {
		return ""
	}
	return fmt.Sprint(w)
}

// describeRates names the factors of learning rates; fmt sorts them.
func describeRates(rates map[string]float64) string {
	if len(rates) == 0 {
		return ""
	}
	return fmt.Sprint(rates)
}
