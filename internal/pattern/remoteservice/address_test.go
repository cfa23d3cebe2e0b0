package remoteservice

import (
	"net/netip"
	"strings"
	"testing"
)

func TestParseAddress(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"10.1.2.3":           "",
		"192.0.2.7":          "",
		"fd00::1":            "",
		"2001:DB8::1":        "",
		"api.example.com":    "hostname",
		"10.0.0.0/24":        "network",
		"10.0.0.256":         "not an IP address",
		"010.0.0.1":          "not an IP address",
		"":                   "not an IP address",
		"::ffff:10.0.0.1":    "10.0.0.1",
		"fe80::1%eth0":       "zone",
		"fe80::1":            "link-local",
		"169.254.169.254":    "link-local",
		"127.0.0.1":          "loopback",
		"::1":                "loopback",
		"0.0.0.0":            "no host",
		"::":                 "no host",
		"224.0.0.18":         "multicast",
		"ff02::1":            "multicast",
		"255.255.255.255":    "reserved",
		"161.26.0.10":        "service endpoints",
		"166.8.0.1":          "service endpoints",
		"166.11.255.255":     "service endpoints",
		"166.12.0.1":         "",
		"161.27.0.1":         "",
		"100.64.1.1":         "",
		"10.0.0.1, 10.0.0.2": "not an IP address",
	} {
		got, err := parseAddress(text)
		switch {
		case says == "" && err != nil:
			t.Errorf("%q: %v", text, err)
		case says == "" && got != netip.MustParseAddr(text):
			t.Errorf("%q became %s", text, got)
		case says != "" && (err == nil || !strings.Contains(err.Error(), says)):
			t.Errorf("%q: error %v, want %q", text, err, says)
		}
	}
}

func TestLooksPublic(t *testing.T) {
	t.Parallel()
	for text, public := range map[string]bool{
		"10.0.0.1": false, "172.16.0.1": false, "172.32.0.1": true, "192.168.1.1": false, "100.64.0.1": false,
		"100.128.0.1": true, "192.0.2.1": true, "169.51.0.3": true, "fd12::1": false, "2001:db8::1": true,
	} {
		if got := looksPublic(netip.MustParseAddr(text)); got != public {
			t.Errorf("%s: public is %t", text, got)
		}
	}
}

func TestCheckHostname(t *testing.T) {
	t.Parallel()
	for name, says := range map[string]string{
		"0a1b2c3d-us-south.lb.appdomain.cloud":  "",
		"0a1b2c3d-us-south.lb.appdomain.cloud.": "",
		"db":                                    "",
		"10.0.0.1":                              "endpoints",
		"fd00::1":                               "endpoints",
		"https://api.example.com":               "URL",
		"api.example.com/v1":                    "URL",
		"API.example.com":                       "not a host name",
		"api_v1.example.com":                    "not a host name",
		"":                                      "not a host name",
		"localhost":                             "whoever asks",
		"db.localhost":                          "whoever asks",
	} {
		err := checkHostname(name)
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%q: error %v, want %q", name, err, says)
		}
	}
}
