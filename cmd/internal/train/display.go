package train

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	"tapenet/cmd/internal/cli"
	"tapenet/cmd/internal/screen"
	"tapenet/graph"
	"tapenet/graph/memory"
	"tapenet/train"
	"tapenet/train/data"
)

// display shows a run to a person, or with -json to a program: then stdout has
// one line of JSON for each epoch and everything else goes to stderr.
type display struct {
	options
	team    team
	people  io.Writer // for people to read
	program io.Writer // for JSON, nil without -json
	screen  *os.File  // the terminal that people sit at, nil if they do not
	part    string    // what is evaluated after each epoch: test or validation
	bar     *progressbar.ProgressBar
}

func newDisplay(o options, t team, stdout, stderr io.Writer) *display {
	d := &display{options: o, team: t, people: stdout}
	if o.json {
		d.people, d.program = stderr, stdout
	}
	if t.Group == nil || !launcherPiped() {
		d.screen = screen.Of(d.people)
	}
	return d
}

// folded leaves the middle of a deep network's table out, and what runs as one op, which
// zoo shows: a screen has about as many lines.
func folded(summary string) string {
	const most, first, last = 24, 9, 6
	lines := strings.Split(strings.TrimSuffix(summary, "\n"), "\n")
	total := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, "total ") })
	if total < most {
		return summary
	}
	end := total + 1
	if end < len(lines) && strings.HasPrefix(lines[end], "and ") { // values of state
		end++
	}
	return strings.Join(slices.Concat(
		lines[:first], []string{fmt.Sprintf("… and %d more layers, which go run ./cmd/zoo shows", total-last-first)}, lines[total-last:end], []string{""}), "\n")
}

// launcherPiped reports whether the launcher, which started this process, writes to a
// file or to a pipe. mpirun of Open MPI gives the first rank a terminal of its own even
// then, and a log would be full of progress bars. Where the system does not tell, it
// does not.
func launcherPiped() bool {
	to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/1", os.Getppid()))
	return err == nil && !strings.HasPrefix(to, "/dev/pts/") && !strings.HasPrefix(to, "/dev/tty")
}

func (d *display) printf(format string, args ...any) { fmt.Fprintf(d.people, format, args...) }

// start shows what will be trained, what memory that needs, and where a run goes
// on.
func (d *display) start(net *graph.Network, set data.Dataset, need string, p train.Progress) error {
	m, err := net.Model(graph.Infer, 1)
	if err != nil {
		return err
	}
	d.printf("%s\n", folded(m.Summary()))
	if chosen := d.chosen(set); chosen != "" {
		d.printf("%s\n", chosen)
	}
	if d.changed != "" {
		d.printf("settings:%s\n", d.changed)
	}
	d.printf("%s: %d training and %d %s images of %s, %d classes\n",
		set.Name, set.Train.Len(), set.Test.Len(), d.held(), cli.Shape(set.Shape), len(set.Classes))
	d.lanes(net, p.Lanes)
	if need != "" {
		d.printf("needs %s%s\n", need, available())
	}
	switch {
	case !d.resume:
	case p.Epoch > p.Epochs && p.Epochs < d.epochs:
		d.printf("%s has ended after epoch %d: a larger -patience goes on\n", d.out, p.Epochs)
	case p.Epoch > p.Epochs:
		d.printf("%s has completed epoch %d: a larger -epochs goes on\n", d.out, p.Epoch-1)
	case p.Images > 0:
		d.printf("going on with %s in epoch %d after %d of %d images\n", d.out, p.Epoch, p.Images, p.Of)
	default:
		d.printf("going on with %s in epoch %d\n", d.out, p.Epoch)
	}
	if p.Recovered != "" {
		d.printf("note: %s\n", p.Recovered)
	}
	if p.Rounding != "" {
		d.printf("note: %s\n", p.Rounding)
	}
	return nil
}

// lanes says into how many parts a batch is cut, and who works on them.
func (d *display) lanes(net *graph.Network, n int) {
	if n == 1 {
		return
	}
	who := ""
	if d.team.Group != nil {
		who = fmt.Sprintf(" on %v", d.team)
	}
	d.printf("batches in %d lanes%s\n", n, who)
	if few := d.options.batch / n; few < fewSamples && hasState(net) {
		d.printf("note: a lane of %d samples has statistics of its own for BatchNorm: want a -batch of %d or more\n", few, fewSamples*n)
	}
}

// fewSamples is the number of samples below which BatchNorm's statistics are poor.
const fewSamples = 8

// hasState reports whether a network has tensors besides its parameters, as BatchNorm
// has.
func hasState(net *graph.Network) bool {
	m, err := net.Model(graph.Infer, 1)
	return err == nil && len(m.Params()) < len(net.Weights.Names())
}

// available says what memory there is, if the system tells.
func available() string {
	n, known := memory.Available()
	if !known {
		return ""
	}
	return fmt.Sprintf("; available %.0f MB", float64(n)/1e6)
}

// held names what is evaluated after each epoch.
func (d *display) held() string {
	return cmp.Or(d.part, "test")
}

// batch moves the progress bar, on a terminal.
func (d *display) batch(p train.Progress) {
	if d.screen == nil {
		return
	}
	if d.bar == nil {
		d.bar = screen.NewBar(d.screen, p.Of, false) // its rate would count what an earlier run has done
	}
	d.bar.Describe(describe(p, screen.Columns(d.screen)))
	d.bar.Set(p.Images)
}

// describe is the text beside the bar: as much as leaves room for a bar of one
// block in so many columns.
func describe(p train.Progress, columns int) string {
	epoch := fmt.Sprintf("epoch %d/%d", p.Epoch, p.Epochs)
	loss := fmt.Sprintf("  loss %.4f", p.Loss)
	accuracy := fmt.Sprintf("  accuracy %.4f", p.Accuracy)
	speed := fmt.Sprintf("  %.0f images/s", p.ImagesPerSecond)
	left := "  " + timeLeft(p)
	room := columns - len(" 100% |#| ")
	for _, text := range []string{epoch + loss + accuracy + speed + rates(p.Ranks) + left, epoch + loss + accuracy + speed + left, epoch + loss + accuracy + left, epoch + loss + left, epoch + left} {
		if len(text) <= room {
			return text
		}
	}
	return epoch
}

// rates are the slowest and the fastest rank's own, if they differ by more than a fifth.
func rates(ranks []train.RankTime) string {
	if len(ranks) == 0 {
		return ""
	}
	slow, fast := ranks[0].Rate(), ranks[0].Rate()
	for _, r := range ranks {
		slow, fast = min(slow, r.Rate()), max(fast, r.Rate())
	}
	if fast <= 1.2*slow {
		return ""
	}
	return fmt.Sprintf(" (a rank %.0f to %.0f)", slow, fast)
}

// timeLeft is the time that training takes to the epoch's end and to the run's,
// as in "4s/49s left", or the one in the last epoch.
func timeLeft(p train.Progress) string {
	after := func(images int) time.Duration {
		return time.Duration(float64(images) / p.ImagesPerSecond * float64(time.Second)).Round(time.Second)
	}
	epoch := p.Of - p.Images
	if p.Epoch == p.Epochs {
		return fmt.Sprintf("%v left", after(epoch))
	}
	return fmt.Sprintf("%v/%v left", after(epoch), after(epoch+(p.Epochs-p.Epoch)*p.Of))
}

// epoch prints an epoch's line.
func (d *display) epoch(e train.Epoch) {
	d.clear()
	attacked := ""
	if d.watched() {
		attacked = fmt.Sprintf("  under attack %.4f", e.Attacked)
	}
	d.printf("epoch %d/%d  loss %.4f  accuracy %.4f  %[5]s loss %.4[6]f  %[5]s accuracy %.4[7]f%[9]s  %.0[8]f images/s\n",
		e.Epoch, d.epochs, e.Loss, e.Accuracy, d.held(), e.ValLoss, e.ValAccuracy, e.ImagesPerSecond, attacked)
	if d.program != nil {
		json.NewEncoder(d.program).Encode(e)
	}
}

// test prints what the network makes of the dataset's own test part, if the
// epochs were evaluated on another.
func (d *display) test(ctx context.Context, net *graph.Network, samples data.Samples) (loss, accuracy float64, err error) {
	loss, accuracy, err = train.Evaluate(ctx, net, samples)
	if err != nil {
		return 0, 0, err
	}
	d.printf("test loss %.4f  test accuracy %.4f\n", loss, accuracy)
	if d.program != nil {
		err = json.NewEncoder(d.program).Encode(map[string]float64{"test_loss": loss, "test_accuracy": accuracy})
	}
	return loss, accuracy, err
}

func (d *display) clear() {
	if d.bar != nil {
		d.bar.Clear()
		d.bar = nil
	}
}

// end says what is in the folder, or how to go on.
func (d *display) end(res *train.Result, err error) {
	d.clear()
	switch {
	case err != nil:
	case res.Paused:
		d.printf("paused after epoch %d of %d; the same command with -resume, and without -until, goes on to the end\n", len(res.History), d.epochs)
	case res.Collapsed:
		d.printf("the accuracy under attack collapsed in epoch %d, from %.4f to %.4f: the model is that of epoch %d\n",
			len(res.History), res.Best.Attacked, res.History[len(res.History)-1].Attacked, res.Best.Epoch)
	case d.patience > 0 && res.Best.Attacked > 0:
		d.printf("%d epochs; the model is that of epoch %d, with the highest accuracy under attack\n", len(res.History), res.Best.Epoch)
	case d.patience > 0:
		d.printf("%d epochs; the model is that of epoch %d, with the lowest %s loss\n", len(res.History), res.Best.Epoch, d.held())
	}
	if err == nil {
		d.ranks(res)
		d.printf("sha256 of weights and optimizer: %s\n", res.SHA256)
	}
	switch {
	case err == nil:
		d.printf("the model is in %s; its curves are in %s\n",
			filepath.Join(d.out, train.ModelFile), filepath.Join(d.out, train.CurvesFile))
	case errors.Is(err, context.Canceled) && d.time > 0:
		d.printf("saved %s; -config %s -out %s -resume goes on from here, without -time\n",
			filepath.Join(d.out, train.CheckpointFile), filepath.Join(d.out, configFile), d.out)
	case errors.Is(err, context.Canceled):
		d.printf("saved %s; the same command with -resume goes on from here\n", filepath.Join(d.out, train.CheckpointFile))
	}
}

// ranks says how the processes have spent their time.
func (d *display) ranks(res *train.Result) {
	for r, t := range res.Ranks {
		all := t.Computed + t.Waited + t.Exchanged
		d.printf("rank %d on %s: %.0f images/s by itself; %.1f s in steps, %.0f %% waiting for slower ranks, %.0f %% exchanging\n",
			r, d.team.Hosts()[r], t.Rate(), all, 100*t.Waited/all, 100*t.Exchanged/all)
	}
}
