package train

import (
	"strings"
	"testing"
)

// TestTeacher: a run learns from another one, goes on to the same bits, and says what does not
// go with it.
func TestTeacher(t *testing.T) {
	teacher, dir := t.TempDir(), t.TempDir()
	trained(t, quick(t, "-model", "convnet", "-epochs", "1", "-out", teacher)...)
	at := func(name string) string { return dir + "/" + name }
	learn := func(args ...string) string {
		return sumOf(t, trained(t, quick(t, append([]string{"-model", "lenet5", "-teacher", teacher}, args...)...)...))
	}
	whole := learn("-epochs", "2", "-out", at("a"))
	learn("-epochs", "1", "-out", at("b"))
	if got := learn("-epochs", "2", "-out", at("b"), "-resume"); got != whole {
		t.Errorf("after -resume the hash is %s, want %s", got, whole)
	}
	if got := learn("-epochs", "2", "-teacher-share", "0.5", "-out", at("c")); got == whole {
		t.Error("the teacher's share changes nothing")
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"-temperature", "2"}, "train: -temperature or -teacher-share without -teacher, want the model to learn from"},
		{[]string{"-teacher", teacher, "-focal", "2"}, "train: -teacher with -gce, -focal or -adversarial, want one of them"},
		{[]string{"-teacher", teacher, "-teacher-share", "2"}, "want up to 1000 and up to 1, or 0 for the defaults"},
		{[]string{"-teacher", at("none")}, "train: -teacher: "},
		{[]string{"-teacher", teacher, "-data", photos(t, "train", "test")}, "has the classes"},
	} {
		if _, _, err := trains(t, append(quick(t, "-model", "lenet5", "-out", at("d")), tt.args...)...); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: error %v, want one with %q", tt.args, err, tt.want)
		}
	}
}
