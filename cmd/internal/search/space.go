package search

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"tapenet/cmd/internal/tomlfile"
)

// settings are values by the names of train's settings, as TOML has them: int64, float64,
// string or bool.
type settings map[string]any

func (s settings) names() []string { return slices.Sorted(maps.Keys(s)) }

// together are settings that all trials must have in common, with the reason.
var together = map[string]string{
	"data": "judged on the same images", "val": "judged on the same images", "limit": "judged on the same images",
	"folds": "judged on the same images", "fold": "judged on the same images", "seed": "judged on the same images",
	"label-noise": "judged by the same labels", "unfreeze": "trained for equally many epochs",
}

// dimension is what the space says of one setting: choices, or numbers from min to max.
type dimension struct {
	name     string
	choices  []any // nil for a range
	min, max float64
	step     float64 // between numbers, from min on; 0 for any
	log      bool    // a number's logarithm is uniform, not itself
	whole    bool    // whole numbers alone
}

// varies reports whether trials differ in the setting.
func (d dimension) varies() bool { return len(d.choices) != 1 }

// decodeSpace reads a file, whose settings nobody has looked at.
func decodeSpace(path string) (file settings, err error) {
	switch err = tomlfile.Decode(path, &file); {
	case err != nil:
		return nil, fmt.Errorf("search: space: %w", err)
	case len(file) == 0:
		return nil, fmt.Errorf("search: %s has no setting, want one at least, as in lr = {min = 1e-4, max = 1e-2, scale = \"log\"}", path)
	}
	return file, nil
}

// readSpace reads a file of dimensions, in the order of their names. known are train's
// settings, whose values say what a setting may be.
func readSpace(path string, known settings) ([]dimension, error) {
	file, err := decodeSpace(path)
	if err != nil {
		return nil, err
	}
	var space []dimension
	for _, name := range file.names() {
		if known[name] == nil {
			return nil, fmt.Errorf("search: %s: no setting %q, want some of %s", path, name, strings.Join(known.names(), ", "))
		}
		if why := together[name]; why != "" {
			return nil, fmt.Errorf("search: %s: %s in a space, want it behind --, as in -- -%[2]s VALUE: trials are %s", path, name, why)
		}
		d, err := newDimension(name, file[name], known[name])
		if err != nil {
			return nil, fmt.Errorf("search: %s: %w", path, err)
		}
		space = append(space, d)
	}
	if !slices.ContainsFunc(space, dimension.varies) {
		return nil, fmt.Errorf("search: %s has one value for each setting, want one setting at least with several", path)
	}
	return space, nil
}

// newDimension is a setting's value in the file. like is a value that the setting may have.
func newDimension(name string, v, like any) (dimension, error) {
	d := dimension{name: name}
	_, d.whole = like.(int64)
	switch v := v.(type) {
	case []any:
		d.choices = v
		return d, d.checkChoices(like)
	case map[string]any:
		return d.between(v, like)
	}
	return d, fmt.Errorf("%s = %v, want a list of values or a range, as in %[1]s = [%[2]v] or %[1]s = {min = 1, max = 2}", name, v)
}

// checkChoices returns an error unless the choices differ and are like a value.
func (d dimension) checkChoices(like any) error {
	if len(d.choices) == 0 {
		return fmt.Errorf("%s = [], want one value at least", d.name)
	}
	seen := map[string]bool{}
	for _, v := range d.choices {
		_, whole := v.(int64)
		_, real := like.(float64)
		if fmt.Sprintf("%T", v) != fmt.Sprintf("%T", like) && !(whole && real) {
			return fmt.Errorf("%s = [%s], want values like its default, %s", d.name, quoted(v), quoted(like))
		}
		if seen[fmt.Sprint(v)] {
			return fmt.Errorf("%s has %s twice, want values that differ", d.name, quoted(v))
		}
		seen[fmt.Sprint(v)] = true
	}
	return nil
}

// between is a range.
func (d dimension) between(keys map[string]any, like any) (dimension, error) {
	if _, real := like.(float64); !real && !d.whole {
		return d, fmt.Errorf("%s with a range, want a list of values like its default, %s", d.name, quoted(like))
	}
	d.min, d.max = math.NaN(), math.NaN()
	for _, key := range settings(keys).names() {
		v := keys[key]
		to := map[string]*float64{"min": &d.min, "max": &d.max, "step": &d.step}[key]
		n, isNumber := number(v)
		switch {
		case to != nil && isNumber:
			*to = n
		case to != nil:
			return d, fmt.Errorf("%s: %s = %s, want a number", d.name, key, quoted(v))
		case key != "scale":
			return d, fmt.Errorf("%s: no key %q, want min, max, and perhaps step or scale = \"log\"", d.name, key)
		case v != "log" && v != "linear":
			return d, fmt.Errorf("%s: scale = %s, want \"log\" or \"linear\"", d.name, quoted(v))
		default:
			d.log = v == "log"
		}
	}
	return d, d.checkRange()
}

func (d dimension) checkRange() error {
	switch {
	case !(d.min < d.max) || math.IsInf(d.max-d.min, 0):
		return fmt.Errorf("%s: a range from min = %g to max = %g, want both, and max above min", d.name, d.min, d.max)
	case !(d.step >= 0) || d.step > d.max-d.min:
		return fmt.Errorf("%s: step = %g, want a number above 0 that is at most max - min", d.name, d.step)
	case d.log && d.step > 0:
		return fmt.Errorf("%s: step with scale = \"log\", want one of the two, or a list of values", d.name)
	case d.log && d.min <= 0:
		return fmt.Errorf("%s: min = %g with scale = \"log\", want a number above 0", d.name, d.min)
	case d.whole && (d.min != math.Trunc(d.min) || d.max != math.Trunc(d.max) || d.step != math.Trunc(d.step)):
		return fmt.Errorf("%s: min = %g, max = %g, step = %g, want whole numbers", d.name, d.min, d.max, d.step)
	case d.whole && max(-d.min, d.max) > 1<<52:
		return fmt.Errorf("%s: min = %g, max = %g, want smaller numbers", d.name, d.min, d.max)
	}
	return nil
}

// number is a number of TOML, if v is one.
func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// quoted is a value as TOML has it.
func quoted(v any) string {
	if text, ok := v.(string); ok {
		return strconv.Quote(text)
	}
	return fmt.Sprint(v)
}

// draw draws a value. Numbers that are not whole have three digits: people read them, and
// they are the same on machines whose exponential differs in its last bit.
func (d dimension) draw(r *rand.Rand) any {
	if d.choices != nil {
		return d.choices[r.IntN(len(d.choices))]
	}
	lo, hi, digits := d.min, d.max, 3
	if d.whole && d.step == 0 {
		lo, hi = lo-0.5, hi+0.5 // min and max are as likely as others
	}
	var v float64
	switch u := r.Float64(); {
	case d.step > 0:
		steps := math.Floor((hi-lo)/d.step+1e-9) + 1
		v, digits = lo+d.step*math.Floor(u*steps), 12
	case d.log:
		v = lo * math.Exp(u*math.Log(hi/lo))
	default:
		v = lo + u*(hi-lo)
	}
	if d.whole {
		return int64(min(max(math.Round(v), d.min), d.max))
	}
	v, _ = strconv.ParseFloat(strconv.FormatFloat(v, 'g', digits, 64), 64)
	return min(max(v, d.min), d.max)
}

// draws is the number of times that a trial is drawn to find one that no earlier trial is.
const draws = 100_000

// drawTrials draws the settings of n trials, no two of which are equal: fewer if the space
// has no more. The first ones do not depend on n.
func drawTrials(space []dimension, n int, seed uint64) (all []settings) {
	seen := map[string]bool{}
	for len(all) < n {
		s := drawOther(space, rand.New(rand.NewPCG(seed, uint64(len(all)+1))), seen)
		if s == nil {
			break
		}
		all = append(all, s)
	}
	return all
}

// drawOther draws settings that are not seen yet; nil if there are none.
func drawOther(space []dimension, r *rand.Rand, seen map[string]bool) settings {
	for range draws {
		s := settings{}
		for _, d := range space {
			s[d.name] = d.draw(r)
		}
		if key := fmt.Sprint(s); !seen[key] { // which sorts them
			seen[key] = true
			return s
		}
	}
	return nil
}
