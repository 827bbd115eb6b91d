package train

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

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
	people  io.Writer        // for people to read
	program io.Writer        // for JSON, nil without -json
	screen  *os.File         // the terminal that people sit at, nil if they do not
	part    string           // what is evaluated after each epoch: test or validation
	bar     *screen.Progress // of the epoch; nil between epochs
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
		lines[:first], []string{fmt.Sprintf("… and %d more layers, which tapenet zoo shows", total-last-first)}, lines[total-last:end], []string{""}), "\n")
}

// launcherPiped reports whether the launcher, which started this process, writes to a
// file or to a pipe. mpirun of Open MPI gives the first rank a terminal of its own even
// then, and a log would be full of progress bars. Where the system does not tell, it
// does not.
func launcherPiped() bool {
	to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/1", os.Getppid()))
	return err == nil && !strings.HasPrefix(to, "/dev/pts/") && !strings.HasPrefix(to, "/dev/tty")
}

// printf prints text, on a terminal in lines that it has room for.
func (d *display) printf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if d.screen != nil {
		lines := strings.Split(text, "\n")
		for i, line := range lines {
			lines[i] = cli.Wrap(line, screen.Columns(d.screen), 2)
		}
		text = strings.Join(lines, "\n")
	}
	io.WriteString(d.people, text)
}

// table prints lines that are what they are.
func (d *display) table(text string) { io.WriteString(d.people, text) }

// told is where progress is shown: the terminal, or for people who read it later.
func (d *display) told() io.Writer {
	switch {
	case !d.team.first():
		return io.Discard
	case d.screen != nil:
		return d.screen
	}
	return struct{ io.Writer }{d.people} // no terminal, whatever it is
}

// start shows what will be trained, what memory that needs, and where a run goes
// on.
func (d *display) start(net *graph.Network, set data.Dataset, need string, p train.Progress) error {
	m, err := net.Model(graph.Infer, 1)
	if err != nil {
		return err
	}
	d.table(folded(m.Summary()) + "\n")
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

// batch shows the progress of an epoch.
func (d *display) batch(p train.Progress) {
	if d.bar == nil {
		d.bar = screen.NewProgress(d.told(), false) // its rate would count what an earlier run has done
	}
	d.bar.Show(p.Images, p.Of, func(columns int) string { return describe(p, columns) })
}

// describe is the text beside the bar: as much as there is room for.
func describe(p train.Progress, columns int) string {
	epoch := fmt.Sprintf("epoch %d/%d", p.Epoch, p.Epochs)
	loss := fmt.Sprintf("  loss %.4f", p.Loss)
	accuracy := fmt.Sprintf("  accuracy %.4f", p.Accuracy)
	speed := "  " + speed(p.ImagesPerSecond)
	left := "  " + timeLeft(p)
	for _, text := range []string{epoch + loss + accuracy + speed + rates(p.Ranks) + left, epoch + loss + accuracy + speed + left, epoch + loss + accuracy + left, epoch + loss + left, epoch + left} {
		if len(text) <= columns {
			return text
		}
	}
	return epoch
}

// speed is a number of images a second, with two digits if it has only one before the
// point.
func speed(images float64) string {
	if images < 9.95 {
		return fmt.Sprintf("%.2g images/s", images)
	}
	return fmt.Sprintf("%.0f images/s", images)
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
	columns := math.MaxInt
	if d.screen != nil {
		columns = screen.Columns(d.screen)
	}
	d.printf("%s\n", d.epochLine(e, columns))
	if d.program != nil {
		json.NewEncoder(d.program).Encode(e)
	}
}

// epochLine is what an epoch came to, in so many columns if it can be.
func (d *display) epochLine(e train.Epoch, columns int) string {
	attacked := ""
	if d.watched() {
		attacked = fmt.Sprintf("  under attack %.4f", e.Attacked)
	}
	epoch := fmt.Sprintf("epoch %d/%d", e.Epoch, d.epochs)
	whole := fmt.Sprintf("%s  loss %.4f  accuracy %.4f  %[4]s loss %.4[5]f  %[4]s accuracy %.4[6]f", epoch, e.Loss, e.Accuracy, d.held(), e.ValLoss, e.ValAccuracy) + attacked
	for _, line := range []string{whole + "  " + speed(e.ImagesPerSecond), whole} {
		if len(line) <= columns {
			return line
		}
	}
	return fmt.Sprintf("%s  loss %.4f, %s %.4f  accuracy %.4f, %[3]s %.4[6]f", epoch, e.Loss, d.held(), e.ValLoss, e.Accuracy, e.ValAccuracy) + attacked
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
		d.printf("rank %d on %s: %s by itself; %.1f s in steps, %.0f %% waiting for slower ranks, %.0f %% exchanging\n",
			r, d.team.Hosts()[r], speed(t.Rate()), all, 100*t.Waited/all, 100*t.Exchanged/all)
	}
}
