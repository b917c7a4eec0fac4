// A stand-in for NVRTC: "compiles" kernel text with g++ to a shared library beside this one, and gives as PTX the line that names it.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fstream>
#include <sstream>
#include <string>
#include <unistd.h>

struct Program { std::string text, ptx, log; };
enum { SUCCESS = 0, COMPILATION = 6 };

static std::string folder()
{
    Dl_info info;
    dladdr(reinterpret_cast<void *>(&folder), &info);
    std::string path = info.dli_fname;
    return path.substr(0, path.rfind('/'));
}

static unsigned long long hash(const std::string &text)
{
    unsigned long long h = 0xcbf29ce484222325ull;
    for (unsigned char b : text)
        h = (h ^ b) * 0x100000001b3ull;
    return h;
}

extern "C" {
int nvrtcVersion(int *major, int *minor)
{
    *major = 12, *minor = 0;
    return SUCCESS;
}

int nvrtcCreateProgram(Program **out, const char *text, const char *, int, const char *const *, const char *const *)
{
    *out = new Program{text, "", ""};
    return SUCCESS;
}

int nvrtcDestroyProgram(Program **program)
{
    delete *program;
    return SUCCESS;
}

int nvrtcCompileProgram(Program *p, int, const char *const *)
{
    if (getenv("STANDIN_COMPILER_FAILS")) {
        p->log = "the stand-in was told to fail";
        return COMPILATION;
    }
    std::string all = "#include \"device.h\"\n#line 1\n" + p->text + "\n";
    const std::string mark = "extern \"C\" __global__ void ";
    for (size_t at = 0; (at = p->text.find(mark, at)) != std::string::npos;) {
        at += mark.size();
        all += "EXPORT(" + p->text.substr(at, p->text.find('(', at) - at) + ")\n";
    }
    std::ifstream header(folder() + "/device.h");
    std::stringstream shim;
    shim << header.rdbuf();
    char name[40];
    snprintf(name, sizeof name, "/kernels-%016llx", hash(all + shim.str()));
    const std::string base = folder() + name, library = base + ".so", own = base + "." + std::to_string(getpid());
    if (access(library.c_str(), R_OK) != 0) {
        std::ofstream(own + ".cpp") << all;
        // -Bsymbolic: a kernel called like a function of the C library, such as `step`, is still the kernel.
        const std::string command = "g++ -std=c++17 -O2 -w -shared -fPIC -Wl,-Bsymbolic -I'" + folder() + "' '" + own + ".cpp' -o '" + own + ".so' 2> '" +
                                    own + ".log' && mv '" + own + ".so' '" + library + "'";
        const bool failed = system(command.c_str()) != 0;
        std::ifstream log(own + ".log");
        std::stringstream text;
        text << log.rdbuf();
        p->log = text.str();
        unlink((own + ".cpp").c_str());
        unlink((own + ".log").c_str());
        if (failed)
            return COMPILATION;
    }
    p->ptx = "stand-in " + library + "\n";
    return SUCCESS;
}

int nvrtcGetPTXSize(Program *p, size_t *size) { return *size = p->ptx.size() + 1, SUCCESS; }
int nvrtcGetPTX(Program *p, char *out) { return memcpy(out, p->ptx.c_str(), p->ptx.size() + 1), SUCCESS; }
int nvrtcGetProgramLogSize(Program *p, size_t *size) { return *size = p->log.size() + 1, SUCCESS; }
int nvrtcGetProgramLog(Program *p, char *out) { return memcpy(out, p->log.c_str(), p->log.size() + 1), SUCCESS; }
const char *nvrtcGetErrorString(int) { return "an error of the stand-in compiler"; }
}
