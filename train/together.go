package train

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"

	"gorgonia.org/tensor"

	"tapenet/graph"
	"tapenet/graph/memory"
	"tapenet/graph/op"
	"tapenet/train/data"
)

// This file has what the ranks of a run do together besides steps: they compare their
// settings and their weights, take over what the first rank has read, and evaluate.

// RankTime is how one process of a run has spent its time in steps, in seconds.
type RankTime struct {
	Images    int     // that it trained on
	Computed  float64 // its own lanes
	Waited    float64 // for a slower rank
	Exchanged float64 // the rest of its exchanges
}

// Rate is the images a second that it computes, were it alone; 0 before the first step.
func (t RankTime) Rate() float64 {
	if t.Computed == 0 {
		return 0
	}
	return float64(t.Images) / t.Computed
}

// rankTimes are those of all ranks.
type rankTimes struct{ all []RankTime }

// add counts a step, given the records of all lanes. A record has the time of its
// rank's last exchange, that of the step before.
func (t *rankTimes) add(s *laned, records []record) {
	if !s.several() {
		return
	}
	if t.all == nil {
		t.all = make([]RankTime, s.size())
	}
	most := 0.0
	for _, rec := range records {
		most = max(most, rec.computed)
	}
	for q := range t.all {
		l := lanesOf(s.count, q, s.size())
		first := records[l.first]
		waited := most - first.computed
		for _, rec := range records[l.first:l.last] {
			t.all[q].Images += rec.images
		}
		t.all[q].Computed += first.computed
		t.all[q].Waited += waited
		t.all[q].Exchanged += max(0, first.exchanged-waited)
	}
}

// chooseLanes sets the lanes: those of the settings, or of the checkpoint that the run
// goes on from, or the default. The first rank chooses for all.
func (r *run) chooseLanes() error {
	n, err := r.Lanes, error(nil)
	if n == 0 && r.Resume && r.folder != nil {
		n, err = r.folder.lanes()
	}
	if n == 0 {
		n = r.defaultLanes()
	}
	if err := r.ranks.agree(err); err != nil {
		return err
	}
	text, err := r.ranks.broadcastText(binary.LittleEndian.AppendUint64(nil, uint64(n)))
	if err != nil {
		return err
	}
	n = int(binary.LittleEndian.Uint64(text))
	if n < r.ranks.size() {
		return fmt.Errorf("train: %d lanes on %d ranks, want at least one for each", n, r.ranks.size())
	}
	r.Lanes, r.lanes = n, lanesOf(n, r.ranks.rank(), r.ranks.size())
	return nil
}

// lanes is the number of lanes of the run in the folder, 0 if there is no checkpoint,
// which is found missing later.
func (f *folder) lanes() (int, error) {
	_, s, _, err := f.latest()
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("train: checkpoint: %w", err)
	}
	if n := s.Settings.number(lanesKey); n > 0 {
		return n, nil
	}
	return 1, nil
}

// sameSettings returns an error unless all ranks have the first one's settings: what a
// checkpoint has, when the run ends, and the arithmetic of the kernels.
func (r *run) sameSettings() error {
	if !r.ranks.several() {
		return nil
	}
	type common struct {
		Settings                settings
		Epochs, Until, Patience int
		Arithmetic              string
	}
	s, err := r.settings()
	mine := common{s, r.Epochs, r.Until, r.Patience, op.Arithmetic()}
	text, failed := json.Marshal(mine)
	if err := r.ranks.agree(errors.Join(err, failed)); err != nil {
		return err
	}
	first, err := r.ranks.broadcastText(text)
	if err != nil {
		return err
	}
	if !bytes.Equal(text, first) {
		var theirs common
		if err = json.Unmarshal(first, &theirs); err == nil {
			err = errors.New("train: the first rank's run is another one: " + cmp.Or(theirs.Settings.differences(r),
				fmt.Sprintf("its epochs, pause, patience and arithmetic are %d, %d, %d and %s, this rank's %d, %d, %d and %s",
					theirs.Epochs, theirs.Until, theirs.Patience, theirs.Arithmetic, mine.Epochs, mine.Until, mine.Patience, mine.Arithmetic)))
		}
	}
	return r.ranks.agree(err)
}

// hostNeed is the memory that a rank does not have yet, and the machine that it is to
// have it on.
type hostNeed struct {
	Host  string
	Bytes int
}

// affordTogether returns an error if a machine does not have the memory for all of its
// ranks; afford has looked at each by itself.
func (r *run) affordTogether() error {
	if !r.ranks.several() {
		return nil
	}
	need, err := r.Need(r.net, r.data)
	host, _ := os.Hostname()
	text, failed := json.Marshal(hostNeed{host, need.ToCome()})
	if err := r.ranks.agree(errors.Join(err, failed)); err != nil {
		return err
	}
	// The others begin to take theirs when all have looked.
	available, known := memory.Available()
	texts, err := r.ranks.gather(text)
	if err != nil {
		return err
	}
	all := make([]hostNeed, len(texts))
	for q, text := range texts {
		err = errors.Join(err, json.Unmarshal(text, &all[q]))
	}
	if err == nil && known {
		err = tooMany(all, host, available)
	}
	return r.ranks.agree(err)
}

// tooMany returns an error if the ranks on a machine need more than it has available.
func tooMany(needs []hostNeed, host string, available int) error {
	ranks, sum := 0, 0
	for _, n := range needs {
		if n.Host == host {
			ranks, sum = ranks+1, sum+n.Bytes
		}
	}
	if sum <= available {
		return nil
	}
	return fmt.Errorf("train: the %d ranks on %s need %s of memory together; available are %s: want fewer ranks on it, or a smaller batch",
		ranks, host, memory.Text(sum), memory.Text(available))
}

// share gives all ranks what the first one begins with: where the run is, the weights,
// the optimizer's state, and the best weights if the run may end with them.
func (r *run) share() error {
	if !r.ranks.several() {
		return nil
	}
	s, err := r.state()
	text, failed := json.Marshal(s)
	if err := r.ranks.agree(errors.Join(err, failed)); err != nil {
		return err
	}
	if text, err = r.ranks.broadcastText(text); err != nil {
		return err
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("train: the first rank's state: %w", err)
	}
	r.net.Weights.Step, r.at, r.history, r.arithmetic = s.Step, s.At, s.History, s.Arithmetic
	if err := r.broadcast(r.tensors()); err != nil {
		return err
	}
	if !r.keepsBest() || len(r.history) == 0 {
		return nil
	}
	if r.best == nil {
		r.best = copies(r.net.Weights.Map())
	}
	return r.broadcast(r.best)
}

// broadcast gives all ranks the first one's tensors.
func (r *run) broadcast(tensors map[string]*tensor.Dense) error {
	for _, name := range slices.Sorted(maps.Keys(tensors)) {
		if err := r.ranks.broadcast(bytesOf(tensors[name].Float32s())); err != nil {
			return err
		}
	}
	return nil
}

// sum is the SHA-256 of the weights and of the optimizer's state, tensor by tensor in
// the order of their names in a checkpoint.
func (r *run) sum() [sha256.Size]byte { return sumOf(r.tensors()) }

// sumOf is the SHA-256 of tensors with their names and shapes, in the order of the names.
func sumOf(all map[string]*tensor.Dense) (sum [sha256.Size]byte) {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(h, "%s %v\n", name, all[name].Shape())
		h.Write(bytesOf(all[name].Float32s()))
	}
	h.Sum(sum[:0])
	return sum
}

// sameWeights returns an error unless all ranks have the same weights and the same
// state of the optimizer, as they must.
func (r *run) sameWeights() error {
	if !r.ranks.several() {
		return nil
	}
	mine := r.sum()
	all, err := r.ranks.gatherEqual(mine[:])
	if err != nil {
		return err
	}
	for q := range r.ranks.size() {
		if !bytes.Equal(all[q*len(mine):][:len(mine)], all[:len(mine)]) {
			return fmt.Errorf("train: after epoch %d rank %d has other weights than rank 0: the machines do not compute alike; "+
				"want the same program, and processors of one kind", len(r.history), q)
		}
	}
	return nil
}

// evaluate is Evaluate on the dataset's test samples. Several ranks share out the
// batches, N of them at a time, and add up the results in the order of the batches, as
// one process does.
func (r *run) evaluate(ctx context.Context) (loss, accuracy float64, err error) {
	if !r.ranks.several() {
		return evaluateBy(ctx, r.net, r.data.Test, r.EvaluationBatch(r.net.Input))
	}
	var sums tally
	m, own, err := r.evaluation()
	if err := r.ranks.agree(err); err != nil {
		return 0, 0, err
	}
	err = r.inStep(ctx, inputOf(m), "evaluation", r.data.Test, own, func(b data.Batch, failed error) error {
		var t tally
		if len(b.Classes) > 0 {
			var m *graph.Model
			if m, failed = predict(ctx, r.net, b); failed == nil {
				t.add(m)
			} else if stoppedBy(ctx, failed) {
				failed = nil // the others learn that it is to stop
			}
		}
		mine := record{loss: t.Loss, images: t.Images, correct: t.Correct, stop: ctx.Err() != nil, failed: failed != nil}
		all, err := r.ranks.gatherEqual(mine.append(nil))
		if err != nil {
			return err
		}
		stop := false
		for q := range r.ranks.size() {
			rec := readRecord(all[q*recordSize:])
			if rec.failed {
				return r.ranks.agree(failed)
			}
			sums.Loss, sums.Images, sums.Correct = sums.Loss+rec.loss, sums.Images+rec.images, sums.Correct+rec.correct
			stop = stop || rec.stop
		}
		if stop {
			return errStopped
		}
		return nil
	})
	return sums.loss(), sums.accuracy(), err
}

// evaluation returns the graph of a whole batch, and the batches that this rank
// evaluates, empty ones where there are none left for it.
func (r *run) evaluation() (m *graph.Model, own [][]int, err error) {
	n := r.data.Test.Len()
	batch := min(r.EvaluationBatch(r.net.Input), n)
	if m, err = r.net.Model(graph.Eval, batch); err != nil {
		return nil, nil, err
	}
	order := data.InOrder(n)
	for first := 0; first < n; first += batch * r.ranks.size() {
		lo := min(n, first+batch*r.ranks.rank())
		own = append(own, order[lo:min(n, lo+batch)])
	}
	return m, own, classifier(m)
}
