provider "a/b/c" {
 version = "1"
 hashes = []
}
provider "a.example:1/b/c-d_e" { version = "1.0.0-rc1+x" /* x */ extra "l" { y = ["z"] } }
// end