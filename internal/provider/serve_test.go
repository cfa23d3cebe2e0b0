package provider

import "testing"

func TestUnreadLogs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		environment []string
		off         bool
	}{
		"nothing is asked for":       {environment: []string{"PATH=/bin", "TF_VAR_x=TF_LOG"}, off: true},
		"it is emptied":              {environment: []string{"TF_LOG="}, off: true},
		"everything is asked for":    {environment: []string{"TF_LOG=TRACE"}},
		"the providers' is":          {environment: []string{"TF_LOG_PROVIDER=DEBUG"}},
		"the plugin framework's is":  {environment: []string{"TF_LOG_SDK_FRAMEWORK=TRACE"}},
		"it is turned off by a user": {environment: []string{"TF_LOG_SDK=OFF"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if off := len(unreadLogs(c.environment)) > 0; off != c.off {
				t.Errorf("turned off: %v, want %v", off, c.off)
			}
		})
	}
}
