<?xml version="1.0" encoding="UTF-8"?>
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:w="urn:restante:words" exclude-result-prefixes="w">

<xsl:template match="page" mode="title"><w:t id="landing.title" sender="landing/sender/@shown"/></xsl:template>
<xsl:template match="page" mode="foot"><xsl:for-each select="landing"><xsl:call-template name="foot-sender"/></xsl:for-each></xsl:template>

<xsl:template match="page" mode="main">
  <xsl:for-each select="landing">
    <div class="sheet">
      <xsl:call-template name="who"/>
      <hr/>
      <h1><w:t id="landing.title" sender="sender/@shown"/></h1>
      <p><w:t id="landing.kept" tenant="/page/@tenant" until="expires/@day"/></p>
      <form method="post" action="{@action}">
        <xsl:call-template name="csrf"/>
        <div class="field">
          <label for="address"><w:t id="form.address"/></label>
          <p class="hint" id="address-hint"><w:t id="landing.hint"/></p>
          <xsl:if test="@problem">
            <p class="problem" id="problem" role="alert">
              <xsl:choose>
                <xsl:when test="@problem = 'codes'"><w:t id="problem.codes"/></xsl:when>
                <xsl:otherwise><w:t id="problem.address"/></xsl:otherwise>
              </xsl:choose>
            </p>
          </xsl:if>
          <input id="address" name="address" type="email" autocomplete="email" autocapitalize="none" spellcheck="false" required="required" maxlength="254" value="{@typed}">
            <xsl:attribute name="aria-describedby">address-hint<xsl:if test="@problem"> problem</xsl:if></xsl:attribute>
            <xsl:if test="@problem"><xsl:attribute name="aria-invalid">true</xsl:attribute></xsl:if>
          </input>
        </div>
        <div class="row">
          <button class="btn" type="submit"><w:t id="landing.send"/></button>
          <a href="/login"><w:t id="landing.password"/></a>
        </div>
      </form>
    </div>
  </xsl:for-each>
</xsl:template>

</xsl:stylesheet>
