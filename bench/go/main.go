// Full issuance on Go's standard library, as bench/issuance-worker.ts does it: parse a PEM request, verify it, sign with a CA, write PEM.
// Speaks the same protocol: each line on stdin is a number of seconds to run for; the answer is one line of JSON.

package main

import (
	"bufio"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log"
	"math/big"
	"os"
	"strconv"
	"syscall"
	"time"
)

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

// The key identifier of RFC 5280 section 4.2.1.2 method 1, which CreateCertificate makes for CAs only.
func keyIdentifier(key crypto.PublicKey) []byte {
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Bits      asn1.BitString
	}
	must(asn1.Unmarshal(must(x509.MarshalPKIXPublicKey(key)), &info))
	sum := sha1.Sum(info.Bits.Bytes)
	return sum[:]
}

func serialNumber() *big.Int {
	return must(rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 159)))
}

var notBefore = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
var notAfter = time.Date(2036, 1, 1, 0, 0, 0, 0, time.UTC)

// Requests taken together: each stage is gone through for all of them before the next.
const batch = 16

func issue(requests [][]byte, ca *x509.Certificate, caKey crypto.Signer) [][]byte {
	csrs := make([]*x509.CertificateRequest, len(requests))
	for i, request := range requests {
		block, _ := pem.Decode(request)
		csrs[i] = must(x509.ParseCertificateRequest(block.Bytes))
	}
	for _, csr := range csrs {
		if err := csr.CheckSignature(); err != nil {
			log.Fatal(err)
		}
	}
	ders := make([][]byte, len(csrs))
	for i, csr := range csrs {
		template := &x509.Certificate{
			SerialNumber:          serialNumber(),
			Subject:               csr.Subject,
			NotBefore:             notBefore,
			NotAfter:              notAfter,
			KeyUsage:              x509.KeyUsageDigitalSignature,
			ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
			BasicConstraintsValid: true,
			SubjectKeyId:          keyIdentifier(csr.PublicKey),
			DNSNames:              csr.DNSNames,
			IPAddresses:           csr.IPAddresses,
		}
		ders[i] = must(x509.CreateCertificate(rand.Reader, template, ca, csr.PublicKey, caKey))
	}
	certificates := make([][]byte, len(ders))
	for i, der := range ders {
		certificates[i] = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	return certificates
}

func newCA(algorithm string) (*x509.Certificate, crypto.Signer) {
	var key crypto.Signer
	if algorithm == "rsa-2048" {
		key = must(rsa.GenerateKey(rand.Reader, 2048))
	} else {
		key = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	}
	template := &x509.Certificate{
		SerialNumber:          serialNumber(),
		Subject:               pkix.Name{CommonName: "bench CA"},
		NotBefore:             notBefore,
		NotAfter:              notAfter,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	der := must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))
	return must(x509.ParseCertificate(der)), key
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		log.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}

// Arguments: the CA's algorithm and the file of the request.
func main() {
	ca, caKey := newCA(os.Args[1])
	request := must(os.ReadFile(os.Args[2]))
	requests := make([][]byte, batch)
	for i := range requests {
		requests[i] = request
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		seconds := must(strconv.ParseFloat(lines.Text(), 64))
		count, started, cpuStarted := 0, time.Now(), cpuSeconds()
		for time.Since(started).Seconds() < seconds {
			count += len(issue(requests, ca, caKey))
		}
		answer := map[string]any{"count": count, "seconds": time.Since(started).Seconds(), "cpuSeconds": cpuSeconds() - cpuStarted}
		fmt.Println(string(must(json.Marshal(answer))))
	}
}
