package train

import (
	"math"
	"strings"
	"testing"

	"tapenet/graph"
	"tapenet/train/data"
)

// someTeacher has seen nothing, and takes other pixels than its students.
func someTeacher() Teacher {
	net, err := graph.NewNetwork(smallNet(), []int{1, 4, 4}, graph.Options{Seed: 5})
	if err != nil {
		panic(err)
	}
	if _, err := net.Model(graph.Infer, 1); err != nil { // makes the weights
		panic(err)
	}
	return Teacher{Network: net, Stats: data.Stats{Mean: []float64{0.4}, Deviation: []float64{0.3}}, Temperature: 3, Share: 0.7}
}

// TestTeacherLoss holds a sample's loss against the formula, and its gradient against differences.
func TestTeacherLoss(t *testing.T) {
	p, z, class := []float64{0.2, 0.5, 0.3}, []float64{1, -2, 0.5}, 2
	d := &distiller{Teacher: Teacher{Temperature: 3, Share: 0.7}, classes: 3, weights: []float64{0, 0.5}, q: make([]float64, 3)}
	d.taught = [][]float64{nil, {math.Log(p[0]), math.Log(p[1]), math.Log(p[2])}}
	d.task.Loss.Smoothing = 0.1
	softMax := func(z []float64, t float64) (q []float64) {
		sum := 0.0
		for _, v := range z {
			q = append(q, math.Exp(v/t))
			sum += q[len(q)-1]
		}
		for i := range q {
			q[i] /= sum
		}
		return q
	}
	want := func(z []float64) (l float64) {
		for i, q := range softMax(z, 1) {
			target := 0.1 / 3
			if i == class {
				target += 0.9
			}
			l -= 0.3 * target * math.Log(q)
		}
		for i, q := range softMax(z, 3) {
			l += 0.7 * 9 * p[i] * math.Log(p[i]/q)
		}
		return 0.5 * l
	}
	loss := func(z []float64) (l float64, gradient []float64) {
		gradient = make([]float64, 3)
		return d.loss(append([]float64(nil), z...), float64(3+class), gradient), gradient // place 1
	}
	got, gradient := loss(z)
	if math.Abs(got-want(z)) > 1e-12 {
		t.Errorf("loss %v, want %v", got, want(z))
	}
	for i := range z {
		const h = 1e-5
		up, down := append([]float64(nil), z...), append([]float64(nil), z...)
		up[i] += h
		down[i] -= h
		if slope := (want(up) - want(down)) / (2 * h); math.Abs(slope-gradient[i]) > 1e-8 {
			t.Errorf("derivative for logit %d is %v, want %v", i, gradient[i], slope)
		}
	}
}

// TestTeacher: a student of a trained teacher that never sees a label learns the classes from
// it, whatever pixels the teacher takes; labels alone, which are all wrong here, teach nothing.
func TestTeacher(t *testing.T) {
	master := fit(t, smallNet(), blobSet(300, 60), Config{Epochs: 30, Optimizer: Adam{LR: 0.01}})
	if a := master.History[len(master.History)-1].ValAccuracy; a < 0.95 {
		t.Fatalf("the teacher's accuracy is %.2f, want a good one", a)
	}
	wrong := blobSet(300, 60)
	wrong.Train = relabelled{wrong.Train}
	c := Config{Epochs: 30, Optimizer: Adam{LR: 0.01}}
	if res := fit(t, plainNet(), wrong, c); res.History[29].ValAccuracy > 0.5 {
		t.Errorf("labels that are wrong teach an accuracy of %.2f", res.History[29].ValAccuracy)
	}
	c.Defence = Teacher{Network: master.Network, Share: 1}
	res := fit(t, plainNet(), wrong, c)
	if a := res.History[29].ValAccuracy; a < 0.9 {
		t.Errorf("a student that hears the teacher alone has an accuracy of %.2f, want 0.9 or more", a)
	}
}

// relabelled has the next class in place of each.
type relabelled struct{ data.Samples }

func (s relabelled) Read(i int, x []float32) (int, error) {
	class, err := s.Samples.Read(i, x)
	return (class + 1) % 3, err
}

func TestTeacherErrors(t *testing.T) {
	good := someTeacher()
	for name, tt := range map[string]struct {
		teacher Teacher
		want    string
	}{
		"none":        {Teacher{}, "train: a Teacher without a Network that takes images, want one that is trained"},
		"temperature": {Teacher{Network: good.Network, Temperature: -1}, "train: a Teacher's Temperature -1, want more than 0 and at most 1000, or 0 for 4"},
		"share":       {Teacher{Network: good.Network, Share: 1.5}, "train: a Teacher's Share 1.5, want more than 0 and at most 1, or 0 for 0.9"},
	} {
		_, err := Fit(t.Context(), plainNet(), blobSet(20, 5), Config{Defence: tt.teacher})
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s: error %v, want %s", name, err, tt.want)
		}
	}
	other := blobSet(20, 5)
	other.Classes = append(other.Classes, "d")
	four := graph.Sequential{graph.Flatten{}, graph.Dense{Units: 4}}
	if _, err := Fit(t.Context(), four, other, Config{Defence: good}); err == nil || !strings.Contains(err.Error(), "the teacher gives (3) for an image, want logits of 4 classes") {
		t.Errorf("error %v, want one that names the classes", err)
	}
	large := blobSet(20, 5)
	large.Shape = [3]int{1, 2, 8}
	if _, err := Fit(t.Context(), plainNet(), large, Config{Defence: good}); err == nil || !strings.Contains(err.Error(), "the teacher takes images of [1 4 4], want those of the network that learns, [1 2 8]") {
		t.Errorf("error %v, want one that names the images", err)
	}
}
