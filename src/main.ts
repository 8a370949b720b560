console.log("kvsync")
