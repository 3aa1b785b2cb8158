<?xml version="1.0" encoding="UTF-8"?>
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:w="urn:restante:words" exclude-result-prefixes="w">

<xsl:template match="page" mode="title"><w:t id="home.title"/></xsl:template>

<xsl:template match="page" mode="main">
  <xsl:for-each select="home">
    <div class="sheet">
      <h1><w:t id="home.title"/></h1>
      <p><w:t id="home.intro" tenant="/page/@tenant"/></p>
      <form method="post" action="/">
        <xsl:call-template name="csrf"/>
        <div class="field">
          <label for="address"><w:t id="form.address"/></label>
          <p class="hint" id="address-hint"><w:t id="home.address-hint"/></p>
          <xsl:if test="@problem = 'address'"><p class="problem" id="problem" role="alert"><w:t id="problem.address"/></p></xsl:if>
          <xsl:if test="@problem = 'codes'"><p class="problem" id="problem" role="alert"><w:t id="problem.codes"/></p></xsl:if>
          <input id="address" name="address" type="email" autocomplete="email" autocapitalize="none" spellcheck="false" required="required" maxlength="254" value="{@typed-address}" aria-describedby="address-hint">
            <xsl:if test="@problem = 'address' or @problem = 'codes'"><xsl:attribute name="aria-invalid">true</xsl:attribute></xsl:if>
          </input>
        </div>
        <div class="row">
          <button class="btn" type="submit"><w:t id="home.send"/></button>
          <a href="/login"><w:t id="landing.password"/></a>
        </div>
      </form>
      <p class="or"><w:t id="home.or"/></p>
      <form method="post" action="/">
        <xsl:call-template name="csrf"/>
        <div class="field">
          <label for="pickup"><w:t id="form.pickup"/></label>
          <p class="hint" id="pickup-hint"><w:t id="home.pickup-hint"/></p>
          <xsl:if test="@problem = 'pickup'"><p class="problem" id="problem" role="alert"><w:t id="problem.pickup"/></p></xsl:if>
          <input id="pickup" name="pickup" class="code" type="text" autocomplete="off" autocapitalize="characters" spellcheck="false" required="required" maxlength="200" placeholder="XXXX-XXXX" value="{@typed-pickup}" aria-describedby="pickup-hint">
            <xsl:if test="@problem = 'pickup'"><xsl:attribute name="aria-invalid">true</xsl:attribute></xsl:if>
          </input>
        </div>
        <div class="row"><button class="btn plain" type="submit"><w:t id="home.pickup-go"/></button></div>
      </form>
    </div>
  </xsl:for-each>
</xsl:template>

</xsl:stylesheet>
