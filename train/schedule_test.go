package train

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// history is one of so many epochs.
func history(epochs int) []Epoch { return make([]Epoch, epochs) }

// All schedules give PyTorch's factors: five epochs of four steps.
func TestSchedulesGolden(t *testing.T) {
	g := loadGolden(t)
	for name, s := range map[string]Schedule{
		"step": StepDecay{Every: 2, Decay: 0.5}, "exponential": Exponential{Decay: 0.8}, "cosine": Cosine{}, "onecycle": OneCycle{},
	} {
		t.Run(name, func(t *testing.T) {
			want := g.Schedules[name]
			for step := range want {
				got := s.Factor(Moment{Step: step, StepsPerEpoch: 4, Epochs: 5, History: history(step / 4)})
				if math.Abs(got-want[step]) > 1e-9 {
					t.Errorf("step %d: %.12g, want %.12g", step, got, want[step])
				}
			}
		})
	}
	t.Run("plateau", func(t *testing.T) {
		var h []Epoch
		for i, loss := range g.Plateau.Losses {
			h = append(h, Epoch{ValLoss: loss})
			if got := (ReduceOnPlateau{Decay: 0.5}).Factor(Moment{History: h}); got != g.Plateau.Factors[i] {
				t.Errorf("after %d epochs: %g, want %g", i+1, got, g.Plateau.Factors[i])
			}
		}
	})
}

// The warm-up rises to all of the rate in equal steps; then comes the cosine of
// what is left.
func TestWarmup(t *testing.T) {
	c := Cosine{Warmup: 1.5}
	at := func(step int) float64 { return c.Factor(Moment{Step: step, StepsPerEpoch: 4, Epochs: 5}) }
	for step := range 20 {
		want := float64(step+1) / 6
		if step >= 6 {
			want = (1 + math.Cos(math.Pi*float64(step-6)/14)) / 2
		}
		if got := at(step); math.Abs(got-want) > 1e-12 {
			t.Errorf("step %d: %g, want %g", step, got, want)
		}
	}
}

// The rate rises, stays, and falls to 0 in equal steps.
func TestCooldown(t *testing.T) {
	for step, want := range []float64{0.25, 0.5, 0.75, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 7.0 / 8, 6.0 / 8, 5.0 / 8, 4.0 / 8, 3.0 / 8, 2.0 / 8, 1.0 / 8} {
		got := Cooldown{Warmup: 1, Share: 0.4}.Factor(Moment{Step: step, StepsPerEpoch: 4, Epochs: 5})
		if math.Abs(got-want) > 1e-12 {
			t.Errorf("step %d: %g, want %g", step, got, want)
		}
	}
}

// TestReplan: a run whose length is decided late is that of the same length from its beginning.
func TestReplan(t *testing.T) {
	c := Config{Epochs: 5, Batch: 20, Schedule: Cooldown{Warmup: 1, Share: 0.4}}
	want := fit(t, smallNet(), blobSet(53, 5), c)
	c.Epochs, c.Replan = 100, func(done int) int {
		if done < 3 {
			return 100
		}
		return 5
	}
	got := fit(t, smallNet(), blobSet(53, 5), c)
	if got.SHA256 != want.SHA256 || len(got.History) != 5 {
		t.Errorf("%d epochs, hash %s, want 5 and %s", len(got.History), got.SHA256, want.SHA256)
	}
	c.Replan = func(int) int { return 0 } // less than are done
	if got := fit(t, smallNet(), blobSet(53, 5), c); len(got.History) != 1 {
		t.Errorf("%d epochs, want the one that was done", len(got.History))
	}
}

// Every schedule has a factor that is a number, for runs of any length.
func TestShortRuns(t *testing.T) {
	for _, s := range []Schedule{StepDecay{}, Exponential{}, Cosine{}, Cosine{Warmup: 7}, Cooldown{}, Cooldown{Warmup: 7, Share: 0.5}, OneCycle{}, ReduceOnPlateau{}} {
		for epochs := 1; epochs < 5; epochs++ {
			for steps := 1; steps < 4; steps++ {
				for step := range epochs * steps {
					f := s.Factor(Moment{Step: step, StepsPerEpoch: steps, Epochs: epochs, History: history(step / steps)})
					if !(f > 0 && f <= 1) || epochs*steps == 1 && f < 0.1 { // a run of one step trains
						t.Errorf("%v: factor %g at step %d of %d", s, f, step, epochs*steps)
					}
				}
			}
		}
	}
}

// SGD moves the weights by the schedule's rate, and the history says which.
func TestFitSchedule(t *testing.T) {
	dir := t.TempDir()
	c := Config{Epochs: 4, Batch: 20, Optimizer: SGD{LR: 0.2}, Schedule: StepDecay{Every: 2, Decay: 0.5}, Dir: dir}
	got := fit(t, plainNet(), blobSet(53, 5), c)
	first := fit(t, plainNet(), blobSet(53, 5), Config{Epochs: 2, Batch: 20, Optimizer: SGD{LR: 0.2}})
	for i, want := range []float64{0.2, 0.2, 0.1, 0.1} {
		if rate := got.History[i].LearningRate; rate != want {
			t.Errorf("epoch %d has the rate %g, want %g", i+1, rate, want)
		}
		if i < 2 && got.History[i].Loss != first.History[i].Loss {
			t.Errorf("epoch %d has the loss %g, want %g as without a schedule", i+1, got.History[i].Loss, first.History[i].Loss)
		}
	}
	b, err := os.ReadFile(filepath.Join(dir, HistoryFile))
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(string(b), "\n"); !strings.HasSuffix(lines[0], ",learning_rate") || !strings.HasSuffix(lines[4], ",0.1") {
		t.Errorf("history.csv is\n%s", b)
	}
	last := fit(t, plainNet(), blobSet(53, 5), Config{Epochs: 1, Batch: 20, Optimizer: SGD{LR: 0.2}, Schedule: OneCycle{}}).History[0].LearningRate
	if want := 0.2 * (OneCycle{}).Factor(Moment{Step: 2, StepsPerEpoch: 3, Epochs: 1}); last != want {
		t.Errorf("the rate of the last step is %g, want %g", last, want)
	}
}

// All optimizers of this package take a rate, and keep their other settings.
func TestRates(t *testing.T) {
	for _, name := range OptimizerNames() {
		o, err := NewOptimizer(name, 0, 0.25)
		if err != nil {
			t.Fatal(err)
		}
		r := o.(Rated)
		if r.Rate() <= 0 {
			t.Errorf("%s has the rate %g", name, r.Rate())
		}
		changed := r.WithRate(0.5).(Rated)
		want := strings.Replace(fmt.Sprint(o), fmt.Sprintf("lr %g", r.Rate()), "lr 0.5", 1)
		if changed.Rate() != 0.5 || fmt.Sprint(changed) != want || !strings.Contains(want, " decay 0.25") {
			t.Errorf("%v with the rate 0.5 is %v, want %s", o, changed, want)
		}
	}
}

func TestParseSchedule(t *testing.T) {
	for text, want := range map[string]Schedule{
		"constant": nil, "step": StepDecay{}, "step:3": StepDecay{Every: 3}, "step:3:0.5": StepDecay{3, 0.5}, "exponential:0.8": Exponential{0.8},
		"cosine": Cosine{}, "cosine:0.5": Cosine{0.5}, "cooldown": Cooldown{}, "cooldown:2:0.4": Cooldown{2, 0.4}, "onecycle": OneCycle{}, "plateau:4:0.2": ReduceOnPlateau{4, 0.2},
	} {
		got, err := ParseSchedule(text)
		if err != nil || got != want {
			t.Errorf("%s is %#v (%v), want %#v", text, got, err, want)
		}
		if got == nil {
			continue
		}
		if again, err := ParseSchedule(fmt.Sprint(got)); err != nil || describe(again) != describe(got) {
			t.Errorf("%v is read as %v (%v)", got, again, err)
		}
	}
	for text, want := range map[string]string{
		"": `no schedule "", want one of constant, step:EPOCHS:FACTOR, `, "linear": `no schedule "linear"`,
		"step:1:2:3": "too many numbers, want step:EPOCHS:FACTOR", "constant:1": "too many numbers, want constant",
		"step:x": `"x" is no number, want step:EPOCHS:FACTOR`, "cosine:": `"" is no number, want cosine:WARMUP`,
		"step:-1": "StepDecay: Every -1, want a positive number", "step:1:1": "StepDecay: Decay 1, want at least 0 and below 1",
		"exponential:2": "Exponential: Decay 2, want", "cosine:NaN": "Cosine: Warmup NaN, want", "cosine:-1": "Cosine: Warmup -1, want",
		"plateau:-1": "ReduceOnPlateau: Patience -1, want", "plateau:1:-1": "ReduceOnPlateau: Decay -1, want",
		"plateau:0:0.5": `"0" is no use, want more, or nothing for the default, want plateau:EPOCHS:FACTOR`, "exponential:0": `"0" is no use`,
		"step:1.5": `"1.5" is no whole number, want step:EPOCHS:FACTOR`, "plateau:NaN": `"NaN" is no whole number`,
		"step:10000000000": `"10000000000" is out of range, 1 to 2147483647, want step:EPOCHS:FACTOR`, "plateau:1e30": `"1e30" is out of range`,
		"plateau:-Inf": `"-Inf" is out of range`,
	} {
		_, err := ParseSchedule(text)
		checkError(t, err, "train: ", want)
	}
}
